// The message of a campaign's first recipient.
import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { templateKey } from "@/parts/template";
import { useTemplates } from "@/parts/useTemplates";
import { TemplatePreview } from "../inbox/TemplatePreview";
import { type Campaign, columnsOfRecipient, typedOf, withColumns } from "./campaign";
import { useRecipients } from "./recipients";

type Props = {
  campaign: Campaign;
  /** What it is called in a dialog, which stands above the page's. */
  title?: string;
};

export function ExampleMessage({ campaign, title }: Props) {
  const { t } = useTranslation("campaigns");
  const { query } = useTemplates(campaign.number_id);
  const first = useRecipients(campaign.id).data?.[0];
  const { template: used } = campaign;
  if (!used || !query.data) return null;
  const template = query.data.templates.find((one) => templateKey(one) === templateKey(used));
  if (!template)
    return (
      <Text size="sm" c="dimmed">
        {t("example.unknown")}
      </Text>
    );
  const columns = first && columnsOfRecipient(first);
  return (
    // As wide as what it stands in.
    <div>
      <TemplatePreview
        template={template}
        values={withColumns(typedOf(used), (column) => columns?.[column])}
        title={title ?? t(first ? "example.first" : "example.title")}
      />
    </div>
  );
}
