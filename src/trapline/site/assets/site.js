// Search, theme, filters and copying. Texts of the content become text nodes only, never markup.
(function () {
  "use strict";
  const root = document.documentElement;
  const base = root.dataset.root || "";
  const byId = (id) => document.getElementById(id);

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // Theme: system, light, dark, in turn.
  const button = byId("theme");
  const themes = ["system", "light", "dark"];
  const showTheme = () => {
    const now = root.dataset.theme || "system";
    button.title = `Theme: ${now}`;
    button.lastElementChild.textContent = `Theme: ${now}`;
    button.dataset.now = now;
  };
  if (button) {
    showTheme();
    button.addEventListener("click", () => {
      const next = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % themes.length];
      if (next === "system") delete root.dataset.theme;
      else root.dataset.theme = next;
      try {
        if (next === "system") localStorage.removeItem("trapline-theme");
        else localStorage.setItem("trapline-theme", next);
      } catch (error) {
        // it holds for this page only
      }
      showTheme();
    });
  }

  // The index is read when it is first asked for.
  let loading = null;
  const index = () => {
    if (window.traplineIndex) return Promise.resolve(window.traplineIndex);
    if (!loading) {
      loading = new Promise((resolve, reject) => {
        const script = element("script", { src: `${base}assets/search-index.js` });
        script.onload = () => resolve(window.traplineIndex);
        script.onerror = () => reject(new Error("the search index cannot be read"));
        document.head.append(script);
      });
    }
    return loading;
  };

  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const haystack = (item) => item.text || (item.text = `${item[2]} ${item[4]}`.toLowerCase());

  // How well an item fits: 0 not at all. Words in the name count more, at its start most.
  const score = (item, wanted, whole) => {
    const name = item[2].toLowerCase();
    let total = 0;
    for (const word of wanted) {
      const at = name.indexOf(word);
      if (at === 0) total += 12;
      else if (at > 0) total += /[\s._(-]/.test(name[at - 1]) ? 8 : 4;
      else if (haystack(item).includes(word)) total += 1;
      else return 0;
    }
    if (name === whole) total += 50;
    else if (name.startsWith(whole)) total += 20;
    return item[3].includes("deprecated") ? total * 0.4 : total;
  };

  const field = byId("q");
  const list = byId("found");
  const count = byId("found-count");
  let chosen = -1;

  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    chosen = -1;
  };

  const choose = (place) => {
    const options = list.querySelectorAll("[role=option]");
    if (!options.length) return;
    chosen = (place + options.length) % options.length;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
    field.setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  };

  const search = async () => {
    const whole = field.value.trim().toLowerCase();
    const wanted = words(whole);
    if (!wanted.length) return close();
    let data;
    try {
      data = await index();
    } catch (error) {
      list.replaceChildren(element("li", { className: "empty", textContent: error.message }));
      list.hidden = false;
      return undefined;
    }
    if (field.value.trim().toLowerCase() !== whole) return undefined;
    const hits = [];
    for (const item of data.items) {
      const points = score(item, wanted, whole);
      if (points) hits.push([points, item]);
    }
    hits.sort((a, b) => b[0] - a[0] || a[1][2].localeCompare(b[1][2]));
    const rows = hits.slice(0, 12).map(([, item], at) => {
      const link = element("a", { href: base + item[1] + root.dataset.index, tabIndex: -1 });
      link.append(element("span", { className: "name", textContent: item[2] }));
      const kind = data.kinds[item[0]];
      link.append(element("span", { className: "kind", textContent: item[3] ? `${kind}, ${item[3]}` : kind }));
      const row = element("li", { id: `found-${at}` }, link);
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      return row;
    });
    if (!rows.length) rows.push(element("li", { className: "empty", textContent: "Nothing found" }));
    list.replaceChildren(...rows);
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    count.textContent = `${hits.length} found`;
    chosen = -1;
    return undefined;
  };

  if (field) {
    field.addEventListener("input", search);
    field.addEventListener("focus", () => {
      index().catch(() => undefined);
      if (field.value) search();
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") choose(chosen + 1);
      else if (event.key === "ArrowUp") choose(chosen - 1);
      else if (event.key === "Escape") {
        if (list.hidden) field.blur();
        close();
        return;
      } else if (event.key === "Enter") {
        const link = list.querySelectorAll("[role=option] a")[Math.max(0, chosen)];
        if (link && !list.hidden) link.click();
      } else return;
      event.preventDefault();
    });
    document.addEventListener("click", (event) => {
      if (!event.target.closest(".search")) close();
    });
    field.addEventListener("blur", (event) => {
      if (!event.relatedTarget || !event.relatedTarget.closest(".search")) setTimeout(close, 150);
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    });
  }

  // A search is copied as it is written.
  for (const code of document.querySelectorAll(".code")) {
    const copy = element("button", { type: "button", className: "copy", textContent: "Copy" });
    copy.setAttribute("aria-label", "Copy the search");
    copy.addEventListener("click", async () => {
      const text = code.querySelector("code").textContent.trimEnd();
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "Copied";
      } catch (error) {
        const range = document.createRange();
        range.selectNodeContents(code.querySelector("code"));
        const selection = window.getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
        // a page over plain http has no clipboard of its own
        copy.textContent = document.execCommand("copy") ? "Copied" : "Selected";
      }
      setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
    code.append(copy);
  }

  // On this page: the section that is read.
  const toc = document.querySelector(".toc");
  if (toc && "IntersectionObserver" in window) {
    const links = new Map();
    toc.querySelectorAll("a").forEach((link) => links.set(link.hash.slice(1), link));
    const seen = new Set();
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target.id);
        else seen.delete(entry.target.id);
      }
      let found = false;
      for (const [id, link] of links) {
        const current = !found && seen.has(id);
        found = found || current;
        if (current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "-72px 0px -55% 0px" });
    for (const id of links.keys()) {
      const section = byId(id);
      if (section) watch.observe(section);
    }
  }

  // A long list is narrowed by a text.
  const narrow = byId("narrow");
  if (narrow) {
    const rows = [...document.querySelectorAll(".listing tbody tr")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    narrow.addEventListener("input", () => {
      const wanted = words(narrow.value);
      let shown = 0;
      rows.forEach((row, at) => {
        row.hidden = !wanted.every((word) => texts[at].includes(word));
        if (!row.hidden) shown += 1;
      });
      byId("narrow-count").textContent = wanted.length ? `${shown} of ${rows.length}` : String(rows.length);
    });
  }

  const only = byId("only-covered");
  if (only) {
    only.addEventListener("change", () => {
      document.querySelector(".matrix").classList.toggle("covered-only", only.checked);
    });
  }
  const tactics = document.querySelectorAll(".tactic");
  if (tactics.length && window.matchMedia("(max-width: 760px)").matches) {
    tactics.forEach((one) => { one.open = one.id === location.hash.slice(1); });
  }

  // The list of detections: what is chosen is in the address, so that a view can be sent to others.
  const table = byId("all-detections");
  if (table) {
    const controls = [...document.querySelectorAll("[data-facet]")];
    const rows = [...table.querySelectorAll("tbody tr")];
    const state = () => new URLSearchParams(location.hash.slice(1));

    const apply = async () => {
      const data = await index();
      const numbers = new Map(data.facets.map(([key, values], at) => [key, { at, values }]));
      const tests = [];
      for (const control of controls) {
        const key = control.dataset.facet;
        const value = control.value.trim();
        if (!value) continue;
        if (key === "q") {
          const wanted = words(value);
          tests.push((item) => wanted.every((word) => haystack(item).includes(word)));
          continue;
        }
        const { at, values } = numbers.get(key);
        const fits = new Set();
        values.forEach((one, number) => {
          if (one === value || (key === "technique" && one.startsWith(`${value}.`))) fits.add(number);
        });
        tests.push((item) => item[5][at].some((number) => fits.has(number)));
      }
      let shown = 0;
      rows.forEach((row, at) => {
        row.hidden = !tests.every((test) => test(data.items[at]));
        if (!row.hidden) shown += 1;
      });
      const total = rows.length.toLocaleString("en");
      byId("shown").textContent =
        tests.length ? `${shown.toLocaleString("en")} of ${total} detections` : `${total} detections`;
      byId("clear").hidden = !tests.length;
    };

    const changed = () => {
      const wanted = new URLSearchParams();
      for (const control of controls) {
        if (control.value.trim()) wanted.set(control.dataset.facet, control.value.trim());
      }
      history.replaceState(null, "", `#${wanted}`);
      apply();
    };

    const fromAddress = () => {
      const wanted = state();
      for (const control of controls) {
        control.value = wanted.get(control.dataset.facet) || "";
      }
      apply();
    };

    controls.forEach((control) => control.addEventListener("input", changed));
    byId("clear").addEventListener("click", () => {
      controls.forEach((control) => { control.value = ""; });
      changed();
    });
    window.addEventListener("hashchange", fromAddress);
    if (window.matchMedia("(max-width: 760px)").matches) document.querySelector(".filters").open = false;
    fromAddress();
  }
})();
