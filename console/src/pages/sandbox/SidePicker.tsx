// Chooses the version and model that answers.
import { Autocomplete, Group, Select } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import type { Choice, Version } from "./sides";

type Props = {
  label: string;
  value: Choice;
  onChange: (choice: Choice) => void;
  versions: Version[];
  /** Whether the model can be chosen too. */
  withModel?: boolean;
};

export function SidePicker({ label, value, onChange, versions, withModel = false }: Props) {
  const { t } = useTranslation("sandbox");
  const models = $api.useQuery("get", "/api/v1/models", {}, { staleTime: 60_000, retry: false });
  const items = versions.map(({ version, live }) => ({
    value: String(version),
    label: live ? t("side.versionLive", { version }) : t("side.version", { version }),
  }));
  return (
    <Group gap={6} wrap="nowrap" flex={withModel ? 1 : undefined} miw={0} role="group" aria-label={label}>
      <Select
        aria-label={label}
        size="xs"
        value={String(value.version)}
        onChange={(next) =>
          onChange({ ...value, version: !next || next === "draft" ? "draft" : Number(next) })
        }
        data={[{ value: "draft", label: t("side.draft") }, ...items]}
        allowDeselect={false}
        maxDropdownHeight={320}
        miw={0}
        flex={1}
        comboboxProps={{ width: 200, position: "bottom-start" }}
      />
      {withModel && (
        <Autocomplete
          aria-label={`${label}: ${t("side.model")}`}
          size="xs"
          value={value.model}
          onChange={(model) => onChange({ ...value, model })}
          data={models.data?.models ?? []}
          placeholder={t("side.modelPlaceholder")}
          miw={0}
          flex={1}
          comboboxProps={{ width: 240, position: "bottom-start" }}
        />
      )}
    </Group>
  );
}
