// Deletes an agent after a confirmation.
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";

export function useDeleteAgent() {
  const { t } = useTranslation("sandbox");
  const confirm = useConfirm();
  const say = useSay();
  const deletion = $api.useMutation("delete", "/api/v1/agents/{agent}");
  /** Returns whether it was deleted. */
  return async (agent: string) => {
    const sure = await confirm({
      title: t("agent.deleteTitle", { agent }),
      text: t("agent.deleteText"),
      yes: t("agent.delete"),
      danger: true,
    });
    if (!sure) return false;
    try {
      await deletion.mutateAsync({ params: { path: { agent } } });
    } catch (error) {
      say.failed(error);
      return false;
    }
    reread("/api/v1/agents", "/api/v1/collections");
    say.done(t("agent.deleted", { agent }));
    return true;
  };
}
