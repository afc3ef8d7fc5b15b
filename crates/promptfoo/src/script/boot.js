// What a script finds around it: `process`, `console`, timers and `require` for files beside it.
(function (read, log) {
  "use strict";
  const cache = new Map();
  const timers = [];
  let clock = 0;
  let ids = 0;
  globalThis.__result = undefined;

  function missing(what) {
    const error = new Error("needs " + what + ", which the embedded JavaScript has not");
    error.missing = true;
    return error;
  }

  const line = (...parts) =>
    log(parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" "));
  globalThis.console = { log: line, info: line, warn: line, error: line, debug: line, trace: line };
  globalThis.fetch = () => {
    throw missing("the network (`fetch`)");
  };
  globalThis.setTimeout = (call, wait, ...rest) => {
    timers.push({ id: ++ids, due: clock + Math.max(0, Number(wait) || 0), call, rest });
    return ids;
  };
  globalThis.clearTimeout = (id) => {
    const at = timers.findIndex((timer) => timer.id === id);
    if (at >= 0) timers.splice(at, 1);
  };
  globalThis.setImmediate = (call, ...rest) => setTimeout(call, 0, ...rest);
  // Runs what is due; says how long to wait for the next, or -1.
  globalThis.__tick = (now) => {
    clock = now;
    const due = timers.filter((timer) => timer.due <= now).sort((a, b) => a.due - b.due);
    for (const timer of due) {
      clearTimeout(timer.id);
      timer.call(...timer.rest);
    }
    return timers.length === 0 ? -1 : Math.max(0, Math.min(...timers.map((timer) => timer.due)) - now);
  };

  function requireFrom(folder) {
    return (name) => {
      if (!/^(\.{0,2}\/)/.test(name)) throw missing("Node's `" + name.replace(/^node:/, "") + "`");
      return load(folder, name);
    };
  }

  function load(folder, name) {
    const found = JSON.parse(read(folder, name));
    if (found.missing) {
      const error = new Error(found.missing);
      error.missing = true;
      throw error;
    }
    if (found.error) throw new Error(found.error);
    if (cache.has(found.path)) return cache.get(found.path).exports;
    const module = { exports: {} };
    cache.set(found.path, module);
    if (found.json) {
      module.exports = JSON.parse(found.source);
      return module.exports;
    }
    const body = new Function(
      "module", "exports", "require", "__filename", "__dirname", "process", found.source,
    );
    const require = requireFrom(found.folder);
    body(module, module.exports, require, found.path, found.folder, globalThis.process);
    return module.exports;
  }

  function lastSemicolon(code) {
    let quote = "";
    let last = -1;
    for (let at = 0; at < code.length; at++) {
      const letter = code[at];
      if (letter === "\\" && quote) at++;
      else if (quote) quote = letter === quote ? "" : quote;
      else if (letter === "'" || letter === '"' || letter === "`") quote = letter;
      else if (letter === ";") last = at;
    }
    return last;
  }

  // One line is an expression, after declarations if there are any; several lines are a body.
  function body(code) {
    if (code.includes("\n")) return code;
    const short = code.trim().replace(/;+\s*$/, "");
    if (!/^(const|let|var)\s/.test(short)) return "return " + short;
    const at = lastSemicolon(short);
    const rest = at < 0 ? "" : short.slice(at + 1).trim();
    return rest ? short.slice(0, at + 1) + " return " + rest : short;
  }

  function pick(module, name, path) {
    const places = [module, module && module.default];
    if (name) {
      for (const place of places) {
        if (place && typeof place[name] === "function") return place[name].bind(place);
      }
    }
    for (const place of places) if (typeof place === "function") return place;
    const want = name ? "a function `" + name + "`" : "a function, or have a function as its default export";
    throw new Error(path + " must export " + want);
  }

  function method(job) {
    const module = load(job.folder, job.path);
    const made = typeof module === "function" ? module : (module && module.default) || module;
    if (typeof made !== "function") {
      const own = made && made[job.method];
      return typeof own === "function" ? { value: own.apply(made, job.args) } : undefined;
    }
    const isClass = /^class\b/.test(Function.prototype.toString.call(made));
    if (!isClass && Object.keys(made.prototype || {}).length === 0) {
      return job.method === "callApi" ? { value: made(...job.args) } : undefined;
    }
    const instance = new made(job.options);
    const own = instance[job.method];
    return typeof own === "function" ? { value: own.apply(instance, job.args) } : undefined;
  }

  async function run(job) {
    if (job.kind === "inline") {
      return new Function(...job.names, "process", body(job.code))(...job.args, globalThis.process);
    }
    if (job.kind === "file") return pick(load(job.folder, job.path), job.name, job.path)(...job.args);
    const found = method(job);
    return found === undefined ? { has: false } : { has: true, value: await found.value };
  }

  globalThis.__start = (text) => {
    const job = JSON.parse(text);
    globalThis.process = {
      env: job.env, argv: [], platform: "linux", cwd: () => job.folder || "/",
      mainModule: { require: requireFrom(job.folder || "/") },
    };
    globalThis.require = requireFrom(job.folder || "/");
    const done = (value) => (globalThis.__result = JSON.stringify({ type: typeof value, value }));
    const failed = (error) => {
      const message = error instanceof Error ? String(error.message) : String(error);
      globalThis.__result = JSON.stringify({ error: message, missing: !!(error && error.missing) });
    };
    run(job).then(done).catch(failed);
  };
})
