// A banner while the connection to the server is lost.
import { Alert, Transition } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useLine } from "@/api/live";

export function Connection() {
  const { t } = useTranslation();
  const line = useLine();
  // An interruption of less than a second is not shown.
  const [lasting] = useDebouncedValue(line, 1_000);
  const lost = line === "lost" && lasting === "lost";
  return (
    <div
      data-line={line}
      role="status"
      aria-live="polite"
      style={{ position: "sticky", insetBlockStart: 0, zIndex: 90 }}
    >
      <Transition mounted={lost} transition="slide-down" duration={150}>
        {(styles) => (
          <Alert
            style={styles}
            color="orange"
            radius={0}
            py="xs"
            icon={<IconPlugConnectedX aria-hidden />}
            title={t("line.lost")}
            data-testid="line-lost"
          >
            {t("line.about")}
          </Alert>
        )}
      </Transition>
    </div>
  );
}
