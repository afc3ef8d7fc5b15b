// The console's languages. Texts are in src/locales/<language>/<namespace>.json; each page loads its own namespace.
import i18n from "i18next";
import toBackend from "i18next-resources-to-backend";
import { initReactI18next } from "react-i18next";
import { arriving } from "@/api/server";

export const languages = { en: "English", es: "Español", pt: "Português", ar: "العربية" } as const;
export type Language = keyof typeof languages;

const kept = "frontdesk.language";
const files = import.meta.glob<{ default: Record<string, unknown> }>("../locales/*/*.json");

function isLanguage(code: string | null | undefined): code is Language {
  return !!code && code in languages;
}

/** The language chosen in this browser, else the first supported language of the browser's list. */
export function preferred(): Language {
  const chosen = localStorage.getItem(kept);
  if (isLanguage(chosen)) return chosen;
  return navigator.languages.map((code) => code.slice(0, 2)).find(isLanguage) ?? "en";
}

export function direction(language: string): "ltr" | "rtl" {
  return language === "ar" ? "rtl" : "ltr";
}

function dress(language: string) {
  document.documentElement.lang = language;
  document.documentElement.dir = direction(language);
}

export async function speak(language: Language) {
  localStorage.setItem(kept, language);
  await i18n.changeLanguage(language);
}

export async function begin() {
  i18n.on("languageChanged", dress);
  await i18n
    .use(
      toBackend(async (language: string, namespace: string) => {
        const file = files[`../locales/${language}/${namespace}.json`];
        return file ? (await arriving(file)).default : {};
      }),
    )
    .use(initReactI18next)
    .init({
      lng: preferred(),
      fallbackLng: "en",
      supportedLngs: Object.keys(languages),
      ns: ["common"],
      defaultNS: "common",
      interpolation: { escapeValue: false },
      react: { useSuspense: true },
    });
  dress(i18n.language);
}
