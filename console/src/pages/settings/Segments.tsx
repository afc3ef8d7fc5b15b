// A preference with all its values side by side, in words.
import { SegmentedControl, useMatches } from "@mantine/core";
import type { Preference } from "@/shell/appearance";

/** How many values a phone shows side by side. */
const MOST_ABREAST = 3;

export function Segments<Value extends string>({ label, value, options, onChange }: Preference<Value>) {
  const isNarrow = useMatches({ base: true, xs: false });
  return (
    <SegmentedControl
      aria-label={label}
      value={value}
      onChange={(next) => {
        const chosen = options.find((one) => one.value === next);
        if (chosen) onChange(chosen.value);
      }}
      data={options.map(({ value, label, lang }) => ({ value, label: <span lang={lang}>{label}</span> }))}
      orientation={isNarrow && options.length > MOST_ABREAST ? "vertical" : "horizontal"}
      w="fit-content"
      miw={isNarrow ? "100%" : undefined}
    />
  );
}
