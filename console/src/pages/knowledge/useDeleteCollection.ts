// Deletes a collection after a confirmation.
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";

export function useDeleteCollection() {
  const { t } = useTranslation(["knowledge", "common"]);
  const confirm = useConfirm();
  const say = useSay();
  const deletion = $api.useMutation("delete", "/api/v1/collections/{name}");
  /** Returns whether it was deleted. */
  const remove = async (name: string) => {
    const sure = await confirm({
      title: t("collections.deleteTitle", { name }),
      text: t("collections.deleteText"),
      yes: t("collections.delete"),
      danger: true,
    });
    if (!sure) return false;
    try {
      await deletion.mutateAsync({ params: { path: { name } } });
    } catch (error) {
      say.failed(error);
      return false;
    }
    reread("/api/v1/collections");
    say.done(t("collections.deleted", { name }));
    return true;
  };
  return { remove, busy: deletion.isPending };
}
