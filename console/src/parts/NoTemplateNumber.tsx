// Says that no number can write first, and where to see why.
import { Button } from "@mantine/core";
import { IconDeviceMobile } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Empty } from "./States";

export function NoTemplateNumber() {
  const { t } = useTranslation("templates");
  return (
    <Empty
      icon={<IconDeviceMobile />}
      title={t("noNumber.title")}
      action={
        <Button mt="xs" renderRoot={(props) => <Link to="/numbers" {...props} />}>
          {t("noNumber.numbers")}
        </Button>
      }
    >
      {t("noNumber.about")}
    </Empty>
  );
}
