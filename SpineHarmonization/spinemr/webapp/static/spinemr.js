// Files dropped on the page or chosen on it go to the session's own process, with the share that has been sent.
(() => {
  const set = (values) => window.trame?.state.update(values);

  function send(files, to = "upload") {
    if (!files.length) return;
    const form = new FormData();
    for (const file of files) form.append("file", file, file.webkitRelativePath || file.name);
    const request = new XMLHttpRequest();
    let told = 0;
    request.upload.onprogress = (event) => {
      const now = Date.now();
      if (event.lengthComputable && now - told > 200) {
        told = now;
        set({ sending: Math.max(1, Math.round((100 * event.loaded) / event.total)) });
      }
    };
    request.onloadend = () => {
      let error = "";
      if (request.status !== 200) {
        try {
          error = JSON.parse(request.responseText).error;
        } catch {
          error = "The files could not be sent: the connection to SpineMR broke.";
        }
      }
      set(error ? { sending: 0, error } : { sending: 0 });
    };
    set({ sending: 1, error: "", notice: "" });
    request.open("POST", to);
    request.send(form);
  }

  async function filesOf(entry) {
    if (entry.isFile) return [await new Promise((found, failed) => entry.file(found, failed))];
    const reader = entry.createReader();
    const files = [];
    for (;;) {
      const entries = await new Promise((found, failed) => reader.readEntries(found, failed));
      if (!entries.length) return files;
      for (const one of entries) files.push(...(await filesOf(one)));
    }
  }

  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      document.body.classList.add("dropping");
    }
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", async (event) => {
    document.body.classList.remove("dropping");
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const files = entries.length ? [] : [...event.dataTransfer.files];
    for (const entry of entries) files.push(...(await filesOf(entry)));
    send(files);
  });

  // VTK has keys of its own, one of which ends the session: none goes there.
  const writes = (element) =>
    element.isContentEditable ||
    element.tagName === "TEXTAREA" ||
    (element.tagName === "INPUT" && !["range", "checkbox"].includes(element.type));
  const isPageItself = (element) => element === document.body || Boolean(element.closest?.(".images"));
  const tools = ["w", "x", "p", "e", "d", "c", "t", "i", "m", "[", "]", "Escape"];
  const atCrosshair = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", " "];
  const onKey = (event) => {
    if (writes(event.target)) return;
    const forViews = isPageItself(event.target) && event.target.type !== "range";
    if (forViews) event.stopImmediatePropagation();
    if (forViews && atCrosshair.includes(event.key) && window.trame?.state.get("crosshair")) {
      event.preventDefault();
      if (event.type === "keydown") window.trame.trigger("shortcut", [event.key === " " ? "dab" : event.key]);
      return;
    }
    if (event.type !== "keydown" || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const undo = command && key === "z" && !event.shiftKey;
    const redo = command && (key === "y" || (key === "z" && event.shiftKey));
    if (command ? undo || redo : tools.includes(key)) {
      if (command) event.preventDefault();
      window.trame?.trigger("shortcut", [undo ? "undo" : redo ? "redo" : key]);
    }
  };
  for (const type of ["keydown", "keypress", "keyup"]) window.addEventListener(type, onKey, true);

  window.spinemr = {
    save(name, text) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    },
    choose(folder, to) {
      const input = document.createElement("input");
      input.type = "file";
      input.multiple = true;
      input.webkitdirectory = folder;
      input.onchange = () => send([...input.files], to);
      input.click();
    },
  };
})();
