// Says that the prompt does not change the answers while no model writes them, and links to where one is chosen.
import { Anchor, Text, type TextProps } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";

type Props = TextProps & { children: string };

/** Renders nothing while a model writes, or while that is unknown. */
export function NoModel({ children, ...look }: Props) {
  const { t } = useTranslation("sandbox");
  const status = $api.useQuery("get", "/api/v1/status", {}, { staleTime: 60_000, retry: false });
  if (status.data?.model.is_model !== false) return null;
  return (
    <Text size="xs" role="note" {...look}>
      {children}{" "}
      <Anchor
        renderRoot={(props) => <Link to="/settings/models" {...props} />}
        inherit
        c="inherit"
        underline="always"
        style={{ whiteSpace: "nowrap" }}
      >
        {t("noModel.choose")}
      </Anchor>
    </Text>
  );
}
