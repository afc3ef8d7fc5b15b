// The theme: the palette, the type scale and the surfaces. Colours are chosen here and nowhere else.
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple, rem } from "@mantine/core";

/**
 * Surfaces and texts of the dark scheme, tinted towards the accent: 0 text, 1 dimmed text, 2 and 3 what is
 * disabled, 4 borders, 5 hover, 6 raised (inputs, menus), 7 surface (cards, dialogs), 8 page, 9 menu.
 */
const dark: MantineColorsTuple = [
  "#d7dedd",
  "#aab5b4",
  "#83908f",
  "#667372",
  "#343e3f",
  "#2d3637",
  "#252d2e",
  "#1d2425",
  "#161c1d",
  "#121718",
];

/**
 * In components a colour is one of five names: `teal` good or done, `blue` under way, `orange` needs attention,
 * `red` failed or destructive, `gray` everything else; or a variable of `colours`, below.
 */
export const theme = createTheme({
  colors: { dark },
  primaryColor: "teal",
  // Enough contrast for text of any size, on white and on dark.
  primaryShade: { light: 9, dark: 8 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: "md",
  respectReducedMotion: true,
  cursorType: "pointer",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans Arabic', sans-serif",
  // Line heights are multiples of 2 px, so that lines of mixed sizes stand on one grid.
  fontSizes: { xs: rem(12), sm: rem(14), md: rem(15), lg: rem(18), xl: rem(24), figure: rem(32) },
  lineHeights: {
    xs: `${16 / 12}`,
    sm: `${20 / 14}`,
    md: `${22 / 15}`,
    lg: `${26 / 18}`,
    xl: `${32 / 24}`,
    figure: `${40 / 32}`,
  },
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: rem(24), lineHeight: `${32 / 24}` },
      h2: { fontSize: rem(18), lineHeight: `${26 / 18}` },
      h3: { fontSize: rem(15), lineHeight: `${22 / 15}` },
      h4: { fontSize: rem(14), lineHeight: `${20 / 14}` },
    },
  },
  components: {
    Alert: { defaultProps: { variant: "light" } },
    Tooltip: { defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: false } } },
    Modal: { defaultProps: { centered: true } },
    // Not a landmark: the page has its own header.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Menu: { defaultProps: { shadow: "md" } },
    Popover: { defaultProps: { shadow: "md" } },
    SegmentedControl: { styles: { root: { backgroundColor: "var(--sunken)" } } },
  },
});

/**
 * Texts have a contrast of at least 4.5 to 1, on the page and on tinted areas. The customer, the bot and a person
 * each have one colour on every page, and so has what needs a reply: `--bot` for text and icons, readable on
 * `--bot-soft`, which fills bubbles and chips. `--good`, `--bad` and `--neutral` judge, as text or as a fill.
 * `--chart-1` and `--chart-2` are told apart by everybody and stand out from the surface by 3 to 1, as do the
 * rest, for drawings with more parts. `--removed` and `--added` are for differences between texts; `--variable`
 * and `--statement` for a prompt's template, and `--selection` for what is selected in its editor.
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
    "--good": "#066649",
    "--bad": "var(--mantine-color-red-9)",
    "--neutral": "var(--mantine-color-gray-6)",
    "--chart-1": "#0b8f68",
    "--chart-2": "#d9480f",
    "--chart-3": "#1c7ed6",
    "--chart-4": "#845ef7",
    "--chart-5": "#c77700",
    "--chart-6": "#d6336c",
    "--chart-7": "#0c8599",
    "--chart-8": "#5c940d",
    "--chart-9": "#ae3ec9",
    "--chart-10": "#846358",
    "--chart-quiet": "var(--mantine-color-gray-6)",
    "--removed": "var(--mantine-color-red-9)",
    "--removed-soft": "var(--mantine-color-red-1)",
    "--added": "#0b5138",
    "--added-soft": "var(--mantine-color-teal-1)",
    "--variable": "var(--mantine-color-teal-9)",
    "--variable-soft": "var(--mantine-color-teal-0)",
    "--statement": "var(--mantine-color-indigo-8)",
    "--selection": "var(--mantine-color-teal-2)",
    "--menu": "#f6f8f8",
    "--menu-hover": "#e9eeed",
    "--surface": "var(--mantine-color-white)",
    "--sunken": "var(--mantine-color-gray-1)",
  },
  dark: {
    "--mantine-color-body": "var(--mantine-color-dark-8)",
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-placeholder": "var(--mantine-color-dark-1)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
    "--mantine-color-gray-light": "var(--mantine-color-dark-5)",
    "--mantine-color-gray-light-hover": "var(--mantine-color-dark-4)",
    "--mantine-color-gray-light-color": "var(--mantine-color-dark-0)",
    "--mantine-color-teal-light": "#12352f",
    "--mantine-color-teal-light-hover": "#18433b",
    "--mantine-color-teal-light-color": "var(--mantine-color-teal-1)",
    "--mantine-color-orange-light": "var(--attention-soft)",
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
    "--good": "#4cc9a0",
    "--bad": "#f58a8a",
    "--neutral": "var(--mantine-color-dark-2)",
    "--chart-1": "#2fb98c",
    "--chart-2": "#ff922b",
    "--chart-3": "#4dabf7",
    "--chart-4": "#9775fa",
    "--chart-5": "#fcc419",
    "--chart-6": "#f06595",
    "--chart-7": "#3bc9db",
    "--chart-8": "#94d82d",
    "--chart-9": "#e599f7",
    "--chart-10": "#b59a8e",
    "--chart-quiet": "var(--mantine-color-dark-2)",
    "--removed": "var(--mantine-color-red-2)",
    "--removed-soft": "color-mix(in srgb, var(--mantine-color-red-9) 45%, transparent)",
    "--added": "var(--mantine-color-teal-1)",
    "--added-soft": "color-mix(in srgb, var(--mantine-color-teal-9) 60%, transparent)",
    "--variable": "var(--mantine-color-teal-3)",
    "--variable-soft": "color-mix(in srgb, var(--mantine-color-teal-9) 30%, transparent)",
    "--statement": "var(--mantine-color-indigo-3)",
    "--selection": "color-mix(in srgb, var(--mantine-color-teal-8) 60%, transparent)",
    "--menu": "var(--mantine-color-dark-9)",
    "--menu-hover": "var(--mantine-color-dark-7)",
    "--surface": "var(--mantine-color-dark-7)",
    "--sunken": "var(--mantine-color-dark-9)",
  },
});
