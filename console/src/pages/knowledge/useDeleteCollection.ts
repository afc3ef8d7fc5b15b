// Deletes a collection after a confirmation.
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { collectionName } from "@/parts/collectionName";
import { useRemoval } from "@/parts/useRemoval";

export function useDeleteCollection() {
  const { t } = useTranslation(["knowledge", "common"]);
  const removal = useRemoval();
  const deletion = $api.useMutation("delete", "/api/v1/collections/{name}");
  /** Returns whether it was deleted. */
  const remove = (collection: Schemas["Collection"]) => {
    const name = collectionName(collection);
    return removal(
      {
        title: t("collections.deleteTitle", { name }),
        text: t("collections.deleteText"),
        yes: t("collections.delete"),
      },
      async () => {
        await deletion.mutateAsync({ params: { path: { name: collection.slug } } });
        reread("/api/v1/collections");
      },
      t("collections.deleted", { name }),
    );
  };
  return { remove, busy: deletion.isPending };
}
