// Where the console begins: languages, theme, cache, then the router.
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./app.css";

import { DirectionProvider, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { whenSignedOut } from "./api/client";
import { queries } from "./api/queries";
import { forget, sessionQuery } from "./api/session";
import { begin, direction, preferred } from "./i18n";
import { Confirming } from "./parts/Confirm";
import { router } from "./router";
import { colours, theme } from "./theme";

/** Styles that are made while the page runs carry the nonce that the server gave this page. */
function nonce() {
  return document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
}

// What keeps a page still behind a dialog asks there.
setNonce(nonce());

whenSignedOut(() => {
  forget();
  void router.invalidate();
});

// Asked while the texts come: the first page waits for both.
void queries.prefetchQuery(sessionQuery);

await begin();

createRoot(document.getElementById("root") ?? document.body).render(
  <StrictMode>
    <DirectionProvider initialDirection={direction(preferred())} detectDirection>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={colours}
        defaultColorScheme="auto"
        getStyleNonce={nonce}
      >
        <QueryClientProvider client={queries}>
          <Notifications position="bottom-right" limit={4} />
          <Confirming>
            <Suspense>
              <RouterProvider router={router} />
            </Suspense>
          </Confirming>
        </QueryClientProvider>
      </MantineProvider>
    </DirectionProvider>
  </StrictMode>,
);
