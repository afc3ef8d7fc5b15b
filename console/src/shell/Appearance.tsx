// How the console looks in this browser: its language and its colours.
import { useDirection, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/api/words";
import { direction, type Language, languages, preferred, speak } from "@/i18n";
import { Choice } from "./Choice";

type Props = {
  /** Shows all values; otherwise only an icon. */
  worded?: boolean;
};

const schemes = [
  { value: "auto", icon: IconDeviceDesktop },
  { value: "light", icon: IconSun },
  { value: "dark", icon: IconMoon },
] as const;

export function LanguageChoice({ worded }: Props) {
  const { t, i18n } = useTranslation();
  const { setDirection } = useDirection();
  const choose = async (language: Language) => {
    await speak(language);
    setDirection(direction(language));
  };
  const codes = wordsOf(languages);
  return (
    <Choice
      label={t("preferences.language")}
      icon={IconLanguage}
      value={codes.find((code) => code === i18n.language) ?? preferred()}
      options={codes.map((code) => ({ value: code, label: languages[code], lang: code }))}
      onChange={(language) => void choose(language)}
      worded={worded}
    />
  );
}

export function ColourChoice({ worded }: Props) {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Choice
      label={t("preferences.colours")}
      icon={schemes.find(({ value }) => value === colorScheme)?.icon ?? IconSun}
      value={colorScheme}
      options={schemes.map(({ value, icon }) => ({ value, icon, label: t(`preferences.${value}`) }))}
      onChange={setColorScheme}
      worded={worded}
    />
  );
}
