// Start with a business of one's own: its website, what was read of it, and the agent to review.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Page } from "@/parts/Page";
import { AddressForm } from "./AddressForm";
import { ReadingProgress } from "./ReadingProgress";
import { ReviewForm } from "./ReviewForm";

export function BusinessPage() {
  const { t } = useTranslation("business");
  // In the address, so that a reload goes on where it was.
  const { collection, review } = useSearch({ from: "/desk/business" });
  const navigate = useNavigate({ from: "/business" });
  const go = (search: { collection?: string; review?: boolean }, replace = false) =>
    void navigate({ search, replace });
  return (
    <Page title={t("title")} about={t("about")} back={{ to: "/", label: t("back") }} widest={720}>
      {review ? (
        <ReviewForm collection={collection} />
      ) : collection ? (
        <ReadingProgress
          collection={collection}
          // The step goes on by itself: "back" would come here again, and go on again.
          whenRead={() => go({ collection, review: true }, true)}
          again={() => go({})}
        />
      ) : (
        <AddressForm whenAdded={(collection) => go({ collection })} without={() => go({ review: true })} />
      )}
    </Page>
  );
}
