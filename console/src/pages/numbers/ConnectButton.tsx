// The button that connects a number to its phone, and the dialog that shows the phone's code until it is linked.
import { Button } from "@mantine/core";
import { IconQrcode } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useSay } from "@/parts/say";
import { isLinked } from "./link";
import { PairingDialog } from "./PairingDialog";
import { usePairing } from "./usePairing";

export function ConnectButton({ number }: { number: Schemas["Number"] }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const [opened, setOpened] = useState(false);
  const close = () => setOpened(false);
  const pairing = usePairing(number.id, opened, () => {
    close();
    say.done(t("link.linked", { name: number.slug }));
  });
  const linked = isLinked(number);
  return (
    <>
      <Button
        variant={linked ? "default" : "filled"}
        leftSection={<IconQrcode size={18} aria-hidden />}
        onClick={() => {
          setOpened(true);
          pairing.begin();
        }}
      >
        {t(linked ? "link.again" : "link.connect")}
      </Button>
      <PairingDialog name={number.slug} pairing={pairing} opened={opened} onClose={close} />
    </>
  );
}
