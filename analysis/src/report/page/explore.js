// The table of classes: search, sort, open a class, set two models side by side. Without this script the page is whole.
"use strict";
(() => {
  const section = document.getElementById("explorer");
  const { classes, models, comparisons, has_groups: hasGroups } = JSON.parse(document.getElementById("classes").textContent);
  const GROUPS = ["many", "medium", "few"];
  const PAGE = 100;
  const byName = new Intl.Collator("en", { numeric: true });
  const find = (selector) => section.querySelector(selector);
  const [head, body, status, more] = ["thead", "tbody", "[role=status]", ".more"].map(find);
  const form = find("form");

  /** An element with properties and children; text is never read as markup. */
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  /** A share in per cent as everywhere on the page: 0 % and 100 % only where exact. */
  const percent = (share) => {
    const value = 100 * share;
    if (value > 0 && value < 0.05) return "< 0.1\u00a0%";
    if (value >= 99.95 && value < 100) return "> 99.9\u00a0%";
    return (value === 0 || value === 100 ? value : value.toFixed(1)) + "\u00a0%";
  };
  const bare = (share) => percent(share).replace("\u00a0%", "");
  // Outwards where no decimal shows the difference.
  const range = ([lower, upper]) => {
    const [least, most] = [lower < 0.0005 ? "0" : bare(lower), upper > 0.9995 ? "100\u00a0%" : percent(upper)];
    return `${least}\u00a0–\u00a0${most}`;
  };
  const error = (model, at) => (model.tested[at] ? model.wrong[at] / model.tested[at] : null);
  const signed = (share) => {
    const points = Math.abs(100 * share);
    // A share of samples is 0 or too large for an exponent.
    const digits = points < 0.05 ? -Math.floor(Math.log10(points)) : 1;
    return share === 0 ? "0" : (share < 0 ? "−" : "+") + points.toFixed(digits);
  };

  // `found` are the classes that match, in order; `shown` are how many of them have a row.
  const state = { model: 0, beside: -1, sort: "error", descending: true, found: [], shown: PAGE, open: new Set() };
  const current = () => models[state.model];
  const beside = () => models[state.beside];
  const list = () => classes[current().list];

  /** Where each class stands among the names in order; sought once, for it takes longer than all else. */
  const places = (of) => {
    if (!of.places) {
      const order = of.names.map((_, at) => at).sort((a, b) => byName.compare(of.names[a], of.names[b]));
      of.places = [];
      order.forEach((at, place) => { of.places[at] = place; });
    }
    return of.places;
  };

  /** -1 where the model beside is better in the class, 1 where it is worse, 0 undecided; null if not compared. */
  const verdict = (at) => {
    for (const { a, b, verdicts } of comparisons) {
      if (a === state.model && b === state.beside) return verdicts[at];
      if (b === state.model && a === state.beside) return -verdicts[at] || 0;
    }
    return null;
  };
  const difference = (at) => {
    const [here, there] = [error(current(), at), error(beside(), at)];
    return here === null || there === null ? null : there - here;
  };

  const bar = (model, at) => {
    const ends = model.interval[at];
    if (!ends) return "–";
    const span = make("i");
    span.style.left = `${100 * ends[0]}%`;
    span.style.width = `${100 * (ends[1] - ends[0])}%`;
    const mark = make("b");
    mark.style.left = `calc(${100 * error(model, at)}% - .1rem)`;
    const drawn = make("span", { className: "bar" }, span, mark);
    drawn.setAttribute("aria-hidden", "true");
    return drawn;
  };
  const share = (value) => (value === null ? "–" : percent(value));

  /** Columns: key, header, whether numeric, value to sort by, cell, and whether left out on a narrow screen. */
  const columns = () => {
    const { names, train, groups } = list();
    const model = current();
    const all = [
      ["name", "class", false, (at) => places(list())[at], null],
      groups && ["group", "group", false, (at) => groups[at], (at) => GROUPS[groups[at]], true],
      train && ["train", "training samples", true, (at) => train[at], (at) => String(train[at])],
      ["error", beside() ? `error of ${model.name}` : "test error", true, (at) => error(model, at),
        (at) => share(error(model, at))],
    ];
    if (beside()) {
      all.push(
        ["other", `error of ${beside().name}`, true, (at) => error(beside(), at), (at) => share(error(beside(), at))],
        ["difference", "difference, points", true, difference, (at) => {
          const found = difference(at);
          return found === null ? "–" : signed(found);
        }],
        ["verdict", `${beside().name} is`, false, verdict, (at) => {
          const found = verdict(at);
          return found === null ? "–" : ["better", "undecided", "worse"][found + 1];
        }],
      );
    } else {
      all.push(
        ["wrong", "wrong", true, (at) => model.wrong[at], (at) => `${model.wrong[at]} of ${model.tested[at]}`, true],
        ["upper", "interval (all classes at once)", true, (at) => model.interval[at] && model.interval[at][1],
          (at) => (model.interval[at] ? range(model.interval[at]) : "–"), true],
        ["", "error and interval, 0 to 100 %", false, null, (at) => bar(model, at)],
      );
    }
    return all.filter(Boolean);
  };

  const chosen = () => {
    const { names, groups } = list();
    const text = form.text.value.trim().toLowerCase();
    const group = form.group.value;
    const worst = form.worst.checked ? new Set(current().worst) : null;
    const [, , , value] = columns().find(([key]) => key === state.sort) ?? columns()[0];
    const found = [];
    const exact = new Set();
    names.forEach((name, at) => {
      const lower = text && name.toLowerCase();
      if (text && (lower === text || String(at) === text)) exact.add(at);
      const named = !text || exact.has(at) || lower.includes(text);
      if (named && (group === "" || groups[at] === Number(group)) && (!worst || worst.has(at))) found.push(at);
    });
    const keys = [];
    found.forEach((at) => { keys[at] = value(at); });
    const sign = state.descending ? -1 : 1;
    found.sort((first, second) => {
      const [a, b] = [keys[first], keys[second]];
      if (a === b) return first - second;
      if (a === null || b === null) return a === null ? 1 : -1;
      return sign * (a - b);
    });
    // Who types a whole name or number means that class.
    return exact.size ? found.sort((a, b) => exact.has(b) - exact.has(a)) : found;
  };

  const goTo = (at) => {
    form.text.value = "";
    form.group.value = "";
    form.worst.checked = false;
    let found = chosen();
    if (found.indexOf(at) >= PAGE) {
      form.text.value = list().names[at];
      found = chosen();
    }
    state.open.add(at);
    state.shown = Math.max(PAGE, found.indexOf(at) + 1);
    draw(found);
    const button = body.querySelector(`[data-of="${at}"]`);
    button.scrollIntoView({ block: "center" });
    button.focus({ preventScroll: true });
  };

  const confusions = (title, pairs, of, rest) => {
    const { names } = list();
    const items = pairs.map(([at, samples]) => {
      const link = make("button", { type: "button", onclick: () => goTo(at) }, names[at]);
      return make("li", {}, link, ` ${samples}`);
    });
    const left = of - pairs.reduce((sum, [, samples]) => sum + samples, 0);
    if (left > 0 && pairs.length) items.push(make("li", {}, `others ${left}`));
    return make("div", {}, make("h4", {}, title), items.length ? make("ul", {}, ...items) : rest);
  };

  /** What is known of a class in one model. */
  const facts = (model, at) => {
    const lines = [];
    const { train } = classes[model.list];
    if (train) lines.push(`${train[at]} training samples`);
    lines.push(`${model.wrong[at]} of ${model.tested[at]} test samples wrong`);
    if (model.interval[at]) lines.push(`interval of its error ${range(model.interval[at])}`);
    if (model.train_tested[at]) {
      lines.push(`${model.train_wrong[at]} of ${model.train_tested[at]} training samples wrong`);
    }
    lines.push(model.worst.includes(at)
      ? "can be the worst class"
      : "not the worst class, or tied with one that can be");
    const [images, limits] = model.next ?? [];
    if (limits?.[at]) lines.push(`of the next ${images} samples ${limits[at][0]} to ${limits[at][1]} will be wrong`);
    const margins = model.margins.map(([g, counts]) =>
      make("li", {}, `at most ${g}: ${counts[at]} of ${model.tested[at]}`));
    return make("div", { className: "facts" },
      make("div", {}, make("h4", {}, beside() ? model.name : "Measured"),
        make("ul", {}, ...lines.map((line) => make("li", {}, line)))),
      confusions("Its samples taken for", model.to[at] ?? [], model.wrong[at], "none"),
      confusions("Samples of others taken for it", model.from[at] ?? [], 0, "none"),
      make("div", {}, make("h4", {}, "Samples with a margin of"),
        margins.length ? make("ul", {}, ...margins) : "not known"));
  };

  const light = (at, on) => {
    document.querySelectorAll(`[data-class="${at}"]`).forEach((mark) => mark.classList.toggle("lit", on));
  };

  /** The row below that of an open class. */
  const opened = (at, width) => {
    const both = [current(), beside()].filter(Boolean).map((model) => facts(model, at));
    return make("tr", { className: "opened" }, make("td", { colSpan: width }, ...both));
  };
  const toggle = (at) => {
    const open = !state.open.delete(at);
    const line = body.querySelector(`[data-row="${at}"]`);
    if (open) {
      state.open.add(at);
      line.after(opened(at, line.cells.length));
    } else {
      line.nextElementSibling.remove();
    }
    const button = line.querySelector("button");
    button.setAttribute("aria-expanded", String(open));
    button.focus();
    hints();
  };
  const row = (at, shown) => {
    const open = state.open.has(at);
    const cells = shown.map(([key, , numeric, , cell, wide]) => {
      const content = key === "name"
        ? make("button", { type: "button", onclick: () => toggle(at) },
          list().names[at] === String(at) ? `class ${at}` : `${list().names[at]} (${at})`)
        : cell(at);
      const td = make("td", { className: [numeric && "n", wide && "wider"].filter(Boolean).join(" ") }, content);
      if (key === "name") {
        content.dataset.of = at;
        content.setAttribute("aria-expanded", String(open));
      }
      return td;
    });
    const line = make("tr", { onmouseenter: () => light(at, true), onmouseleave: () => light(at, false) }, ...cells);
    line.addEventListener("focusin", () => light(at, true));
    line.addEventListener("focusout", () => light(at, false));
    line.dataset.row = at;
    return open ? [line, opened(at, shown.length)] : [line];
  };

  /** A hint to scroll stands only where what is below it is too wide. */
  const hints = () => {
    const all = [...document.querySelectorAll(".hint")];
    // All are measured before one is hidden: the page is laid out once.
    const fits = all.map(({ nextElementSibling: wide }) =>
      wide.clientWidth > 0 && wide.scrollWidth <= wide.clientWidth);
    all.forEach((hint, at) => { hint.hidden = fits[at]; });
  };

  /** Says how many classes have a row, and offers more. */
  const tell = () => {
    const [found, shown] = [state.found.length, Math.min(state.found.length, state.shown)];
    const grouped = (count) => count.toLocaleString("en");
    status.textContent = `${grouped(found)} of ${grouped(list().names.length)} classes` +
      (shown < found ? `, the first ${grouped(shown)} shown` : "") + "; open a class for its confusions" +
      (beside() && hasGroups ? "; one network against one, which says nothing of the methods" : "") +
      (beside() ? "; better and worse: all classes asked at once, which takes more than one class alone" : "");
    more.hidden = shown === found;
    more.textContent = `Show ${Math.min(PAGE, found - shown)} more`;
    hints();
  };

  /** Draws the table anew. */
  const draw = (found = chosen()) => {
    const shown = columns();
    state.found = found;
    head.replaceChildren(make("tr", {}, ...shown.map(([key, title, numeric, value, , wide]) => {
      const sorted = key && key === state.sort;
      const sort = () => {
        state.descending = sorted ? !state.descending : numeric;
        state.sort = key;
        draw();
        head.querySelector(`[data-sort="${key}"]`).focus();
      };
      const button = make("button", { type: "button", onclick: sort }, title);
      button.dataset.sort = key;
      const th = make("th", { scope: "col", className: [numeric && "n", wide && "wider"].filter(Boolean).join(" ") },
        value ? button : title);
      if (sorted) th.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      return th;
    })));
    const rows = found.slice(0, state.shown);
    const none = make("tr", {}, make("td", { colSpan: shown.length }, "no class matches"));
    body.replaceChildren(...(rows.length ? rows.flatMap((at) => row(at, shown)) : [none]));
    tell();
  };

  const fill = (select, options) => {
    select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  };
  /** What can be chosen for this model: its groups, and the models with the same classes. */
  const offer = () => {
    const { groups } = list();
    fill(form.group, [["", "all"], ...GROUPS.map((name, at) => [String(at), name])]);
    form.group.parentElement.hidden = !groups;
    const others = models.map((model, at) => [at, model]).filter(([at]) => at !== state.model);
    const same = others.filter(([, model]) => model.list === current().list);
    fill(form.beside, [["-1", "none"], ...same.map(([at, model]) => [String(at), model.name])]);
    if (!same.some(([at]) => at === state.beside)) state.beside = -1;
    form.beside.value = String(state.beside);
    form.beside.parentElement.hidden = same.length === 0;
  };

  fill(form.model, models.map((model, at) => [String(at), model.name]));
  form.model.parentElement.hidden = models.length < 2;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    const model = Number(form.model.value);
    state.beside = Number(form.beside.value);
    if (model !== state.model) {
      state.model = model;
      state.open.clear();
      offer();
    }
    if (!columns().some(([key]) => key === state.sort)) state.sort = "error";
    state.shown = PAGE;
    draw();
  });
  more.addEventListener("click", () => {
    const added = state.found.slice(state.shown, state.shown + PAGE);
    const shown = columns();
    state.shown += PAGE;
    body.append(...added.flatMap((at) => row(at, shown)));
    tell();
    body.querySelector(`[data-of="${added[0]}"]`).focus();
  });
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons = [...body.querySelectorAll("[data-of]")];
    const next = step && buttons[buttons.indexOf(event.target) + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
  /** The row of this mark's class stands out. */
  const point = (mark) => {
    body.querySelectorAll("tr.lit").forEach((line) => line.classList.remove("lit"));
    if (mark) body.querySelector(`[data-row="${mark.dataset.class}"]`)?.classList.add("lit");
  };
  document.addEventListener("mouseover", (event) => point(event.target.closest?.(".plot [data-class]")));

  /** The marks of a plot, each a link to its class: one stop of the Tab key, arrows go from mark to mark. */
  const link = (plot) => {
    // A mark says its class in its title: "otter (class 55, 38 training samples)".
    const titles = [...plot.querySelectorAll("g > title")].map((title) =>
      [title.parentElement, [...title.textContent.matchAll(/\(class (\d+)[,)]/g)].at(-1)?.[1]]);
    const marks = titles.filter(([, at]) => at !== undefined).map(([mark, at]) => {
      mark.dataset.class = at;
      mark.setAttribute("role", "link");
      mark.setAttribute("tabindex", "-1");
      return mark;
    });
    if (!marks.length) return;
    // What is inside an image cannot be reached.
    plot.setAttribute("role", "group");
    marks[0].setAttribute("tabindex", "0");
    const of = (event) => event.target.closest("[data-class]");
    plot.addEventListener("click", (event) => of(event) && goTo(Number(of(event).dataset.class)));
    plot.addEventListener("focusin", (event) => {
      marks.forEach((mark) => mark.setAttribute("tabindex", mark === of(event) ? "0" : "-1"));
      light(of(event).dataset.class, true);
      point(of(event));
    });
    plot.addEventListener("focusout", (event) => {
      light(of(event).dataset.class, false);
      point();
    });
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = step && marks[marks.indexOf(of(event)) + step];
      if (next) {
        event.preventDefault();
        next.focus();
      }
      if (event.key === "Enter") goTo(Number(of(event).dataset.class));
    });
  };

  /** A link to a class: report.html#class-17. */
  const follow = () => {
    const at = /^#class-(\d+)$/.exec(location.hash)?.[1];
    if (at !== undefined && Number(at) < list().names.length) goTo(Number(at));
  };
  window.addEventListener("hashchange", follow);
  window.addEventListener("resize", hints);
  document.addEventListener("toggle", hints, true);
  /** A link into a folded section opens it. */
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("a[href^='#']")?.getAttribute("href").slice(1);
    document.getElementById(target)?.closest("details")?.setAttribute("open", "");
  });
  if (models.length > 1 && comparisons.length) [state.model, state.beside] = [comparisons[0].a, comparisons[0].b];
  form.model.value = String(state.model);
  document.querySelectorAll(".plot svg").forEach(link);
  offer();
  section.hidden = false;
  draw();
  follow();
})();
