"""Cryptographic functions (Search Reference, "Cryptographic functions"): lower-case hex digests of the text."""

from __future__ import annotations

from trapline.plan import Expr, call
from trapline.spl.evaluate import Env
from trapline.spl.expr import Func
from trapline.spl.functions import function
from trapline.values import Kind


@function("md5", 1, gives_text=True, syntax="md5(<text>)", does="The MD5 digest of a text.")
def _md5(env: Env, ast: Func) -> Expr:
    return call("md5", Kind.TEXT, env.text(ast.args[0]))


@function("sha1", 1, gives_text=True, syntax="sha1(<text>)", does="The SHA-1 digest of a text.")
def _sha1(env: Env, ast: Func) -> Expr:
    return call("sha1", Kind.TEXT, env.text(ast.args[0]))


@function("sha256", 1, gives_text=True, syntax="sha256(<text>)", does="The SHA-256 digest of a text.")
def _sha256(env: Env, ast: Func) -> Expr:
    return call("sha256", Kind.TEXT, env.text(ast.args[0]))


@function("sha512", 1, gives_text=True, syntax="sha512(<text>)", does="The SHA-512 digest of a text.")
def _sha512(env: Env, ast: Func) -> Expr:
    return call("sha512", Kind.TEXT, env.text(ast.args[0]))
