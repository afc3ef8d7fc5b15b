// The entry point: languages, theme, cache, then the router.
import "./styles";

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
import { ConfirmProvider } from "./parts/Confirm";
import { NamedClose } from "./parts/NamedClose";
import { router } from "./router";
import { colours, theme } from "./theme";

/** The server's CSP nonce, for styles that are created at run time. */
function nonce() {
  return document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
}

// The library that locks scrolling behind a dialog asks for the nonce here.
setNonce(nonce());

whenSignedOut(() => {
  forget();
  void router.invalidate();
});

// Runs while the texts load: the first page needs both.
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
          <NamedClose>
            <ConfirmProvider>
              <Suspense>
                <RouterProvider router={router} />
              </Suspense>
            </ConfirmProvider>
          </NamedClose>
        </QueryClientProvider>
      </MantineProvider>
    </DirectionProvider>
  </StrictMode>,
);
