import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Adds .br and .gz files beside compressible ones, which the server sends as they are. */
function precompressed(): Plugin {
  const worth = /\.(js|css|html|svg|json|webmanifest)$/;
  return {
    name: "precompressed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const [name, file] of Object.entries(bundle)) {
          if (!worth.test(name) || name === "index.html") continue;
          const bytes = Buffer.from(file.type === "chunk" ? file.code : file.source);
          if (bytes.length < 512) continue;
          const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
          this.emitFile({
            type: "asset",
            fileName: `${name}.br`,
            source: brotliCompressSync(bytes, { params }),
          });
          this.emitFile({ type: "asset", fileName: `${name}.gz`, source: gzipSync(bytes, { level: 9 }) });
        }
      },
    },
  };
}

/** Fails a build where a component of Mantine is used without its styles in `src/styles.ts`, or these without it. */
function stylesComplete(): Plugin {
  const named = (ids: Iterable<string>, shape: RegExp) =>
    new Set(Array.from(ids).flatMap((id) => shape.exec(id)?.[1] ?? []));
  return {
    name: "styles-complete",
    apply: "build",
    generateBundle(_, bundle) {
      const code = Object.values(bundle).flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
      const used = named(code, /@mantine\/core\/.+\/(\w+)\.module\.mjs$/);
      const there = named(this.getModuleIds(), /@mantine\/core\/styles\/([A-Z]\w*)\.css/);
      const wrong = [...used, ...there].filter((name) => !used.has(name) || !there.has(name));
      if (wrong.length > 0) this.error(`src/styles.ts: missing or unused: ${wrong.join(", ")}`);
    },
  };
}

/** In development: the desk to proxy to, and its admin key in place of a session (data/admin.key). */
const desk = process.env.FRONTDESK_URL ?? "http://127.0.0.1:8080";
const key = process.env.FRONTDESK_KEY;

/** In development with an admin key, no sign-in is needed. */
function signedIn(): Plugin {
  return {
    name: "signed-in",
    apply: "serve",
    configureServer(server) {
      if (!key) return;
      server.middlewares.use("/api/v1/session", (_, response) => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ csrf: "development", expires_at: Date.now() + 86_400_000 }));
      });
    },
  };
}

export default defineConfig(({ command }) => ({
  plugins: [react(), signedIn(), stylesComplete(), precompressed()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  // The server replaces it with a fresh nonce in every response.
  html: command === "build" ? { cspNonce: "__NONCE__" } : {},
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    // Pages' own styles are few. Vite never fetches a page's stylesheet again that could not be fetched once.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // By itself the bundler makes a file of every set of pages that share a module, many of them smaller than the
          // headers of their response.
          groups: [
            // What every page needs; the first two stay in the browser's cache through most updates.
            { name: "react", tags: ["$initial"], test: /node_modules\/(?:react|react-dom|scheduler)\// },
            { name: "libraries", tags: ["$initial"], test: /node_modules/ },
            { name: "app", tags: ["$initial"] },
            // What many pages share, but for two large parts that most of them do not need to be shown.
            { name: "icons", minShareCount: 2, test: /@tabler\/icons-react/ },
            {
              name: "parts",
              minShareCount: 8,
              test: /\/src\/(?!parts\/(?:promptFile|headerEdit)\.)|@mantine\/core\/(?!.*NumberInput)/,
            },
            { name: "promptFile", test: /node_modules\/yaml\/|\/parts\/(?:promptFile|headerEdit)\./ },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      "/api": { target: desk, headers: key ? { Authorization: `Bearer ${key}` } : {} },
      "/webhooks": desk,
    },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
}));
