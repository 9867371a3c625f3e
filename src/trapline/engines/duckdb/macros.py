"""SQL macros: Splunk's rules for values, where a DuckDB function alone does not say them."""

from __future__ import annotations

from trapline.values import MOST_STEPS

_NUMERIC = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"

MACROS = (
    # Splunk's number syntax is narrower than a cast's: no blanks, no inf, no nan, no underscores.
    f"to_number(x) AS CASE WHEN regexp_full_match(x, '{_NUMERIC}') AND isfinite(try_cast(x AS DOUBLE)) "
    "THEN try_cast(x AS DOUBLE) END",
    "number_text(x) AS CASE WHEN x = trunc(x) AND abs(x) < 1e16 THEN cast(cast(x AS HUGEINT) AS VARCHAR) "
    "ELSE cast(x AS VARCHAR) END",
    "bool_text(x) AS CASE WHEN x THEN 'True' WHEN NOT x THEN 'False' END",
    # x / 0 and results that are no number are null.
    "finite(x) AS CASE WHEN isfinite(x) THEN x END",
    *(
        f"{name}_auto(a, b) AS CASE WHEN spl_to_number(a) IS NOT NULL AND spl_to_number(b) IS NOT NULL "
        f"THEN spl_to_number(a) {op} spl_to_number(b) ELSE a {op} b END"
        for name, op in (("eq", "="), ("ne", "<>"), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="))
    ),
    *(
        f"{name}_number(a, n) AS CASE WHEN a IS NULL THEN NULL WHEN spl_to_number(a) IS NOT NULL "
        f"THEN spl_to_number(a) {op} n ELSE a {op} spl_number_text(n) END"
        for name, op in (("eq", "="), ("ne", "<>"), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="))
    ),
    # Whole numbers up to 2^42: some hundred million million of their squares have a sum that HUGEINT holds.
    "whole_number(x) AS CASE WHEN x = trunc(x) AND abs(x) <= 4398046511104 THEN cast(x AS HUGEINT) END",
    "whole_square(x) AS spl_whole_number(x) * spl_whole_number(x)",
    "quotient(a, b) AS CASE WHEN a % b = 0 THEN cast(a // b AS DOUBLE) ELSE cast(a AS DOUBLE) / cast(b AS DOUBLE) END",
    # The variance of n numbers, m of them whole with the sum s and q as the sum of their squares: exact where all are
    # whole, otherwise v. Of one value it is 0, also where it is that of a sample (less = 1).
    "variance(n, m, s, q, v, less) AS CASE WHEN n = 1 THEN 0 WHEN n = m AND n > 1 "
    "AND cast(n AS DOUBLE) * cast(q AS DOUBLE) < 1e38 "
    "THEN spl_quotient(n * q - s * s, cast(n AS HUGEINT) * (n - less)) ELSE spl_finite(v) END",
    # The place of a percentile among n sorted values is share of the way, part / whole, from the first to the last.
    # What lies between two values is known to 15 digits: 9.55, not 9.549999999999999.
    "percentile(n, part, whole, value, between) AS CASE WHEN ((n - 1) * part) % whole = 0 THEN spl_finite(value) "
    "ELSE try_cast(format('{:.15g}', spl_finite(between)) AS DOUBLE) END",
    "is_true(x) AS coalesce(x, false)",
    # Epoch seconds, to the microsecond, in the years 1-9999; null beyond.
    "clock_text(x, form) AS strftime(make_timestamp(CASE WHEN x >= -62135596800 AND x < 253402300800 "
    "THEN try_cast(round_even(x * 1000000, 0) AS BIGINT) END), form)",
    # Pairs: name, value, name, value ... in one list.
    "pairs_names(p) AS CASE WHEN len(p) > 0 THEN list_transform(range(1, len(p), 2), lambda i: p[i]) END",
    "pairs_values(p, n) AS CASE WHEN list_contains(p, n) THEN list_transform("
    "list_filter(range(1, len(p), 2), lambda i: p[i] = n), lambda i: p[i + 1]) END",
    # A place or a count: whole, and within what lists and texts can have.
    "whole(x) AS CASE WHEN x >= 2147483647 THEN 2147483647 WHEN x <= -2147483647 THEN -2147483647 "
    "ELSE cast(trunc(x) AS BIGINT) END",
    "log_of(x, b) AS CASE WHEN x > 0 AND b > 0 AND b <> 1 THEN CASE b WHEN 10 THEN log10(x) WHEN 2 THEN log2(x) "
    "ELSE ln(x) / ln(b) END END",
    # SQLite's substr: place 0 stands before the text, a negative length takes what comes before the place.
    "substring_start(s, a) AS CASE WHEN a <= -1 THEN length(s) + spl_whole(a) ELSE spl_whole(a) - 1 END",
    "substring_cut(s, first, last) AS substring(s, greatest(first, 0) + 1, greatest(last - greatest(first, 0), 0))",
    "substring_of(s, a, n) AS CASE WHEN a IS NULL THEN NULL WHEN n >= 0 THEN spl_substring_cut(s, "
    "spl_substring_start(s, a), spl_substring_start(s, a) + spl_whole(n)) WHEN n < 0 THEN spl_substring_cut(s, "
    "spl_substring_start(s, a) + spl_whole(n), spl_substring_start(s, a)) END",
    "list_numbers(l) AS list_filter(list_transform(cast(l AS VARCHAR[]), lambda x: spl_to_number(x)), "
    "lambda x: x IS NOT NULL)",
    "list_whole_count(l) AS len(list_filter(l, lambda x: spl_whole_number(x) IS NOT NULL))",
    "list_whole_sum(l) AS list_sum(list_transform(l, lambda x: spl_whole_number(x)))",
    "list_whole_squares(l) AS list_sum(list_transform(l, lambda x: spl_whole_square(x)))",
    "list_max(l) AS coalesce(list_max(list_filter(cast(l AS VARCHAR[]), lambda x: spl_to_number(x) IS NULL)), "
    "spl_number_text(list_max(spl_list_numbers(l))))",
    "list_min(l) AS coalesce(spl_number_text(list_min(spl_list_numbers(l))), list_min(cast(l AS VARCHAR[])))",
    # The same with values that are text for certain, also where they look like numbers.
    "list_max_of(l, t) AS coalesce(list_max(list_concat(list_filter(cast(l AS VARCHAR[]), "
    "lambda x: spl_to_number(x) IS NULL), t)), spl_number_text(list_max(spl_list_numbers(l))))",
    "list_min_of(l, t) AS coalesce(spl_number_text(list_min(spl_list_numbers(l))), "
    "list_min(list_concat(cast(l AS VARCHAR[]), t)))",
    "list_sum(l) AS list_sum(spl_list_numbers(l))",
    "list_avg(l) AS list_avg(spl_list_numbers(l))",
    # One use of x, however long it is.
    "within(x, low, high) AS list_filter([x], lambda v: v BETWEEN low AND high)[1]",
    "list_or_null(l) AS CASE WHEN len(l) > 0 THEN l END",
    "list_of(x) AS CASE WHEN x IS NOT NULL THEN [x] END",
    "list_at(l, i) AS CASE WHEN i > -1 THEN l[spl_whole(i) + 1] ELSE l[spl_whole(i)] END",
    "list_place(l, i) AS CASE WHEN i > -1 THEN spl_whole(i) + 1 ELSE len(l) + spl_whole(i) + 1 END",
    # A range that ends beyond the last value ends with it.
    "list_cut(l, a, b) AS CASE WHEN a BETWEEN 1 AND len(l) AND a <= b THEN l[a:b] END",
    "list_slice(l, a, b) AS spl_list_cut(l, spl_list_place(l, a), spl_list_place(l, b))",
    "list_dedup(l) AS list_filter(l, lambda x, i: list_position(l, x) = i)",
    "list_find(l, flags) AS CASE WHEN list_position(flags, true) > 0 "
    "THEN cast(list_position(flags, true) - 1 AS DOUBLE) END",
    "list_zip(a, b, mark) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN "
    "list_transform(range(1, least(len(a), len(b)) + 1), lambda i: a[i] || mark || b[i]) END",
    # The bound stands inside: a list of constants is made before a CASE around it is looked at.
    f"list_steps(n) AS CASE WHEN n > {MOST_STEPS} THEN cast(spl_py_steps(n) AS BIGINT) WHEN n > 0 "
    "THEN cast(ceil(n) AS BIGINT) ELSE 0 END",
    "list_range(a, b, s) AS spl_list_or_null(list_transform(range(0, spl_list_steps(CASE WHEN s <> 0 AND isfinite(a) "
    "AND isfinite(b) AND isfinite(s) THEN (b - a) / s END)), lambda i: spl_number_text(a + i * s)))",
    "list_join(l, mark) AS list_reduce(l, lambda a, b: a || mark || b)",
    # A counter's growth, over the largest of its values that a smaller one follows: there it began anew.
    # An aggregate must not stand in a lambda, so the lists are paired first.
    "growth(l) AS l[-1] - l[1] + coalesce(list_max(list_transform(list_zip(l, l[2:]), "
    "lambda pair: CASE WHEN pair[2] < pair[1] THEN pair[1] END)), 0)",
    "list_any(flags) AS list_contains(flags, true)",
    "sort_class(x) AS CASE WHEN x IS NULL THEN NULL WHEN spl_to_number(x) IS NOT NULL THEN 0 ELSE 1 END",
    # Each part of an IPv4 address padded, so that text order is address order.
    r"sort_ip(x) AS CASE WHEN regexp_full_match(x, '\d{1,3}(\.\d{1,3}){3}') "
    "THEN array_to_string(list_transform(string_split(x, '.'), lambda p: lpad(p, 3, '0')), '.') ELSE x END",
    # Months since 1970 of a time, floored to n of them, back as a time.
    "months(x) AS CASE WHEN x BETWEEN -62135596800 AND 253402300799 "
    "THEN date_diff('month', DATE '1970-01-01', make_timestamp(cast(floor(x) * 1e6 AS BIGINT))) END",
    "month_floor(x, n) AS epoch_us(TIMESTAMP '1970-01-01' "
    "+ to_months(cast(floor(spl_months(x) / n) * n AS INTEGER))) / 1e6",
    "event_list(mv, x) AS coalesce(mv, spl_list_of(x))",
    # The first n values; that there are more is told, which is null. One use of l, which can be long.
    "list_capped(l, n, code, reason) AS list_transform([l], lambda v: CASE WHEN len(v) > n "
    "THEN CASE WHEN spl_py_told(code, reason, '') THEN v ELSE v[1:n] END ELSE v END)[1]",
    "list_head(l, n) AS l[1:spl_whole(n)]",
    # Bitwise functions take whole numbers from 0 to 2^53-1 and give null for all others.
    # One use of x: what is folded over many arguments would double with each of them.
    "bits(x) AS cast(list_filter([x], lambda v: v BETWEEN 0 AND 9007199254740991 AND v = trunc(v))[1] AS BIGINT)",
    "bit_and(a, b) AS cast(spl_bits(a) & spl_bits(b) AS DOUBLE)",
    "bit_or(a, b) AS cast(spl_bits(a) | spl_bits(b) AS DOUBLE)",
    "bit_xor(a, b) AS cast(xor(spl_bits(a), spl_bits(b)) AS DOUBLE)",
    "bit_not(a, mask) AS cast((9007199254740991 - spl_bits(a)) & spl_bits(mask) AS DOUBLE)",
    "bit_left(a, n) AS CASE WHEN spl_bits(a) IS NULL OR spl_bits(n) IS NULL THEN NULL WHEN n >= 53 THEN 0.0 "
    "ELSE cast((cast(spl_bits(a) AS HUGEINT) * cast(pow(2, n) AS HUGEINT)) % 9007199254740992 AS DOUBLE) END",
    "bit_right(a, n) AS CASE WHEN spl_bits(a) IS NULL OR spl_bits(n) IS NULL THEN NULL WHEN n >= 53 THEN 0.0 "
    "ELSE cast(spl_bits(a) >> cast(n AS BIGINT) AS DOUBLE) END",
)
"""Bodies of `CREATE MACRO spl_<...>`, in order of use."""
