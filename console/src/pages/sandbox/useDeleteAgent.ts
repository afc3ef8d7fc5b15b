// Deletes an agent after a confirmation.
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { agentName } from "@/parts/agentName";
import { useRemoval } from "@/parts/useRemoval";

export function useDeleteAgent() {
  const { t } = useTranslation("sandbox");
  const removal = useRemoval();
  const deletion = $api.useMutation("delete", "/api/v1/agents/{agent}");
  /** Returns whether it was deleted. */
  return (live: Schemas["Agent"]) => {
    const name = agentName(live);
    // Two agents may have one name.
    const agent = name === live.slug ? name : `${name} (${live.slug})`;
    return removal(
      { title: t("agent.deleteTitle", { agent }), text: t("agent.deleteText"), yes: t("agent.delete") },
      async () => {
        await deletion.mutateAsync({ params: { path: { agent: live.slug } } });
        reread("/api/v1/agents", "/api/v1/collections");
      },
      t("agent.deleted", { agent }),
    );
  };
}
