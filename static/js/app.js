// Small conveniences on pages that work without them: nothing here decides anything.
"use strict";

(() => {
  const words = document.body.dataset;

  // One question before a form that asks for it: data-confirm="text" on the form or on the button pressed.
  const ask = (question, dangerous, proceed) => {
    const dialog = document.createElement("dialog");
    dialog.className = "dialog";
    dialog.setAttribute("aria-labelledby", "dialog-title");
    dialog.setAttribute("aria-describedby", "dialog-question");
    const title = document.createElement("h2");
    title.id = "dialog-title";
    title.className = "dialog__title";
    title.textContent = words.textConfirm;
    const text = document.createElement("p");
    text.id = "dialog-question";
    text.textContent = question;
    const buttons = document.createElement("div");
    buttons.className = "dialog__buttons";
    const button = (label, look, action) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = `btn ${look}`;
      made.textContent = label;
      made.addEventListener("click", () => { dialog.close(); action(); });
      buttons.append(made);
    };
    button(words.textNo, "btn-outline-secondary", () => {});
    button(words.textYes, dangerous ? "btn-outline-danger" : "btn-primary", proceed);
    dialog.append(title, text, buttons);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };

  const confirmed = new WeakSet();
  let sent = new WeakSet();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const source = event.submitter?.dataset.confirm ? event.submitter : form;
    if (source.dataset.confirm && !confirmed.has(form)) {
      event.preventDefault();
      event.stopPropagation();
      ask(source.dataset.confirm, "confirmDanger" in source.dataset, () => {
        confirmed.add(form);
        form.requestSubmit(event.submitter ?? undefined);
      });
      return;
    }
    confirmed.delete(form);
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    // A second press while the first is on its way would only end in a refusal.
    if (sent.has(form)) {
      event.preventDefault();
      return;
    }
    sent.add(form);
    event.submitter?.setAttribute("aria-busy", "true");
    // A download leaves the page where it is, and a lost connection may be tried again.
    window.setTimeout(() => {
      sent.delete(form);
      event.submitter?.removeAttribute("aria-busy");
    }, 8000);
  }, true);

  window.addEventListener("pageshow", (event) => {
    // Back from the browser's store the page is as it was left, its buttons still busy.
    if (!event.persisted) return;
    sent = new WeakSet();
    for (const busy of document.querySelectorAll("[aria-busy='true']")) busy.removeAttribute("aria-busy");
  });

  // Good news leaves by itself, unless the reader is at it; every message can be closed.
  for (const flash of document.querySelectorAll(".flash")) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "flash__close";
    close.setAttribute("aria-label", words.textClose);
    close.textContent = "×";
    close.addEventListener("click", () => flash.remove());
    flash.append(close);
    const wait = Number(flash.dataset.dismissAfter);
    if (!wait) continue;
    const leave = () => {
      if (flash.matches(":hover, :focus-within")) window.setTimeout(leave, 2000);
      else flash.remove();
    };
    window.setTimeout(leave, wait);
  }

  // Menus made of <details> close like menus.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details[data-menu]")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details[data-menu][open]");
    closeMenus();
    open?.querySelector("summary").focus();
  });

  for (const toggle of document.querySelectorAll("[data-toggle-nav]")) {
    toggle.addEventListener("click", () => {
      toggle.setAttribute("aria-expanded", String(toggle.getAttribute("aria-expanded") !== "true"));
    });
  }

  // A search over a long list of checkboxes narrows it as one types; its button does the same without scripts.
  for (const search of document.querySelectorAll("[data-filter-parts]")) {
    const list = document.querySelector(search.dataset.filterParts);
    const wasOpen = new Map([...list.querySelectorAll("[data-part]")].map((part) => [part, part.open]));
    const narrow = () => {
      const text = search.value.trim().toLocaleLowerCase();
      const holds = (part) => part.textContent.toLocaleLowerCase().includes(text);
      for (const choice of list.querySelectorAll(".choice")) {
        const ticked = choice.querySelector("input").checked;
        choice.classList.toggle("is-filtered-out", Boolean(text) && !ticked && !holds(choice));
      }
      for (const [part, open] of wasOpen) {
        const shown = !text || part.querySelector(".choice:not(.is-filtered-out)") !== null;
        part.classList.toggle("is-filtered-out", !shown);
        part.open = text ? shown : open;
      }
    };
    search.addEventListener("input", narrow);
    // Enter finds; it does not send the whole form.
    search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  }

  // A refused form: the list of what is wrong is read out first.
  document.querySelector("[data-focus]")?.focus();

  // A draft keeps itself a moment after the last key; the button to save it stays for everyone else.
  for (const form of document.querySelectorAll("form[data-autosave]")) {
    const status = form.querySelector("[data-autosave-status]");
    let waiting, saving = false, again = false, left = false;
    const save = async () => {
      if (left) return;
      if (saving) { again = true; return; }
      saving = true;
      try {
        const answer = await fetch(form.action, {
          method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, redirect: "error",
        });
        if (answer.status === 409) {
          left = true;
          status.textContent = form.dataset.textConflict;
        } else if (answer.ok) {
          const kept = await answer.json();
          if (form.action !== new URL(kept.action, location.href).href) history.replaceState(null, "", kept.action);
          form.action = kept.action;
          form.elements.version.value = kept.version;
          status.textContent = kept.warning ? `${kept.told}. ${kept.warning}` : kept.told;
        } else {
          status.textContent = form.dataset.textFailed;
        }
      } catch {
        status.textContent = form.dataset.textFailed;
      }
      saving = false;
      if (again) { again = false; save(); }
    };
    form.addEventListener("input", () => {
      window.clearTimeout(waiting);
      waiting = window.setTimeout(save, 1200);
    });
    form.addEventListener("submit", () => { left = true; window.clearTimeout(waiting); });
  }

  // Filters may apply themselves; their button stays for everyone else.
  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-autosubmit]")) event.target.form?.requestSubmit();
  });

  document.body.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    if (token) event.detail.headers["X-CSRFToken"] = token;
  });
  // A form that asks by itself as it changes asks no more once its own button was pressed: the page is about to leave.
  const leaving = new WeakSet();
  document.addEventListener("submit", (event) => {
    if (event.target.hasAttribute("hx-post") && !event.defaultPrevented) leaving.add(event.target);
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (leaving.has(event.detail.elt)) event.preventDefault();
  });
  document.body.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, false, () => event.detail.issueRequest(true));
  });
})();
