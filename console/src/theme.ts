// The theme: neutral greys and one accent colour.
import { type CSSVariablesResolver, createTheme, rem } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "teal",
  // Enough contrast for text of any size, on white and on dark.
  primaryShade: { light: 9, dark: 8 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: "md",
  respectReducedMotion: true,
  cursorType: "pointer",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans Arabic', sans-serif",
  headings: {
    fontWeight: "650",
    sizes: { h1: { fontSize: rem(22) }, h2: { fontSize: rem(17) }, h3: { fontSize: rem(15) } },
  },
  components: {
    Alert: { defaultProps: { variant: "light" } },
    Tooltip: { defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: false } } },
    Modal: { defaultProps: { centered: true } },
    // Not a landmark: the page has its own header.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Menu: { defaultProps: { shadow: "md" } },
  },
});

/**
 * Dimmed text with a contrast of at least 4.5 to 1, on the page and on tinted areas. The customer, the bot and a
 * person each have one colour on every page, and so has what needs a reply: `--bot` for text and icons, readable
 * on `--bot-soft`, which fills bubbles and chips.
 */
export const colours: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-placeholder": "var(--mantine-color-gray-7)",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    "--mantine-color-teal-filled-hover": "#066649",
    "--mantine-color-teal-light": "var(--mantine-color-teal-0)",
    "--mantine-color-teal-light-hover": "var(--mantine-color-teal-1)",
    "--mantine-color-orange-light": "var(--mantine-color-orange-0)",
    "--mantine-color-red-light": "var(--mantine-color-red-0)",
    "--mantine-color-orange-light-color": "#b93a0a",
    "--mantine-color-orange-text": "#b93a0a",
    "--mantine-color-yellow-light-color": "#8a5600",
    "--mantine-color-yellow-text": "#8a5600",
    "--mantine-color-green-light-color": "#1f6e30",
    "--customer": "var(--mantine-color-gray-8)",
    "--customer-soft": "var(--mantine-color-gray-1)",
    "--bot": "#066649",
    "--bot-soft": "#ddf7ed",
    "--person": "#175a9e",
    "--person-soft": "#dfeefd",
    "--attention": "#a43505",
    "--attention-soft": "#ffecd9",
  },
  dark: {
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-placeholder": "var(--mantine-color-dark-1)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
    "--mantine-color-orange-light": "rgba(217, 72, 15, 0.3)",
    "--mantine-color-red-light": "rgba(201, 42, 42, 0.3)",
    "--mantine-color-teal-filled": "var(--mantine-color-teal-9)",
    "--mantine-color-teal-filled-hover": "#066649",
    "--customer": "var(--mantine-color-dark-0)",
    "--customer-soft": "var(--mantine-color-dark-5)",
    "--bot": "var(--mantine-color-teal-3)",
    "--bot-soft": "#12352f",
    "--person": "var(--mantine-color-blue-3)",
    "--person-soft": "#17304a",
    "--attention": "var(--mantine-color-orange-3)",
    "--attention-soft": "#4a2a10",
  },
});
