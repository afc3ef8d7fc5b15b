// How the console looks in this browser: its language and its colours.
import { useDirection, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from "@tabler/icons-react";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/api/words";
import { direction, type Language, languages, preferred, speak } from "@/i18n";

type Icon = ComponentType<{ size?: number; "aria-hidden"?: boolean }>;

/** One of a few values. */
export type Preference<Value extends string> = {
  label: string;
  icon: Icon;
  value: Value;
  /** `lang`: the language of its label, if it is another one than the page's. */
  options: { value: Value; label: string; icon?: Icon; lang?: string }[];
  onChange: (value: Value) => void;
};

const schemes = [
  { value: "auto", icon: IconDeviceDesktop },
  { value: "light", icon: IconSun },
  { value: "dark", icon: IconMoon },
] as const;

export function useLanguage(): Preference<Language> {
  const { t, i18n } = useTranslation();
  const { setDirection } = useDirection();
  const choose = async (language: Language) => {
    await speak(language);
    setDirection(direction(language));
  };
  const codes = wordsOf(languages);
  return {
    label: t("preferences.language"),
    icon: IconLanguage,
    value: codes.find((code) => code === i18n.language) ?? preferred(),
    options: codes.map((code) => ({ value: code, label: languages[code], lang: code })),
    onChange: (language) => void choose(language),
  };
}

export function useColours(): Preference<(typeof schemes)[number]["value"]> {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return {
    label: t("preferences.colours"),
    icon: schemes.find(({ value }) => value === colorScheme)?.icon ?? IconSun,
    value: colorScheme,
    options: schemes.map(({ value, icon }) => ({ value, icon, label: t(`preferences.${value}`) })),
    onChange: setColorScheme,
  };
}
