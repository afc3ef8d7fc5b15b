// The routes. Each page's code is loaded when it is first opened.
import {
  createRootRoute,
  createRoute,
  createRouter,
  type RouteComponent,
  redirect,
} from "@tanstack/react-router";
import { queries } from "./api/queries";
import { sessionQuery } from "./api/session";
import { inboxSearch } from "./pages/inbox/search";
import { activitySearch } from "./pages/settings/search";
import { lazyPage } from "./parts/lazyPage";
import { number as count, parseSearch, type Search, stringifySearch, text } from "./shell/address";
import { ErrorPage, NotFoundPage } from "./shell/ErrorPage";
import { Shell } from "./shell/Shell";
import { SignIn } from "./shell/SignIn";

const root = createRootRoute({ notFoundComponent: NotFoundPage, errorComponent: ErrorPage });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Search): { next?: string } => ({ next: text(search.next) }),
  component: SignIn,
});

/** Loads a page's code while the session is still being checked. */
function fetchPage(route: string) {
  const routes: Record<string, { options: { component?: RouteComponent } } | undefined> = router.routesById;
  // If this fails, showing the page fails too and reports it.
  routes[route]?.options.component?.preload?.()?.catch(() => {});
}

/** All routes that need a session. */
const desk = createRoute({
  getParentRoute: () => root,
  id: "desk",
  component: Shell,
  errorComponent: ErrorPage,
  beforeLoad: async ({ location, matches }) => {
    for (const { routeId } of matches) fetchPage(routeId);
    const session = await queries.ensureQueryData(sessionQuery);
    if (!session) throw redirect({ to: "/sign-in", search: { next: location.href } });
  },
});

const start = createRoute({
  getParentRoute: () => desk,
  path: "/",
  validateSearch: (search: Search): { agent?: string } => ({ agent: text(search.agent) }),
  component: lazyPage(() => import("./pages/start/StartPage"), "StartPage"),
});

const business = createRoute({
  getParentRoute: () => desk,
  path: "/business",
  validateSearch: (search: Search): { collection?: string; review?: boolean } => ({
    collection: text(search.collection),
    review: String(search.review) === "true" || undefined,
  }),
  component: lazyPage(() => import("./pages/business/BusinessPage"), "BusinessPage"),
});

const sandbox = createRoute({
  getParentRoute: () => desk,
  path: "/sandbox",
  validateSearch: (search: Search): { agent?: string; version?: string; ask?: string } => ({
    agent: text(search.agent),
    version: text(search.version),
    ask: text(search.ask),
  }),
  component: lazyPage(() => import("./pages/sandbox/SandboxPage"), "SandboxPage"),
});

const inbox = createRoute({
  getParentRoute: () => desk,
  path: "/inbox",
  validateSearch: inboxSearch,
  component: lazyPage(() => import("./pages/inbox/InboxPage"), "InboxPage"),
});

const thread = createRoute({
  getParentRoute: () => inbox,
  path: "$id",
  component: lazyPage(() => import("./pages/inbox/ThreadPage"), "ThreadPage"),
});

/** The target of the link in a hand-off notification. */
const conversation = createRoute({
  getParentRoute: () => desk,
  path: "/conversations/$id",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/inbox/$id", params, replace: true });
  },
});

const knowledge = createRoute({
  getParentRoute: () => desk,
  path: "/knowledge",
  validateSearch: (search: Search): { tab?: string; q?: string; gap?: string } => ({
    tab: text(search.tab),
    q: text(search.q),
    gap: text(search.gap),
  }),
  component: lazyPage(() => import("./pages/knowledge/KnowledgePage"), "KnowledgePage"),
});

const collection = createRoute({
  getParentRoute: () => desk,
  path: "/knowledge/$collection",
  validateSearch: (search: Search): { tab?: string; document?: string; answer?: string } => ({
    tab: text(search.tab),
    document: text(search.document),
    answer: text(search.answer),
  }),
  component: lazyPage(() => import("./pages/knowledge/CollectionPage"), "CollectionPage"),
});

const numbers = createRoute({
  getParentRoute: () => desk,
  path: "/numbers",
  component: lazyPage(() => import("./pages/numbers/NumbersPage"), "NumbersPage"),
});

const addNumber = createRoute({
  getParentRoute: () => desk,
  path: "/numbers/add",
  validateSearch: (search: Search): { provider?: string; step?: string } => ({
    provider: text(search.provider),
    step: text(search.step),
  }),
  component: lazyPage(() => import("./pages/numbers/AddNumberPage"), "AddNumberPage"),
});

const number = createRoute({
  getParentRoute: () => desk,
  path: "/numbers/$number",
  validateSearch: (search: Search): { step?: string } => ({ step: text(search.step) }),
  component: lazyPage(() => import("./pages/numbers/NumberPage"), "NumberPage"),
});

const campaigns = createRoute({
  getParentRoute: () => desk,
  path: "/campaigns",
  component: lazyPage(() => import("./pages/campaigns/CampaignsPage"), "CampaignsPage"),
});

const newCampaign = createRoute({
  getParentRoute: () => desk,
  path: "/campaigns/new",
  component: lazyPage(() => import("./pages/campaigns/NewCampaignPage"), "NewCampaignPage"),
});

const campaign = createRoute({
  getParentRoute: () => desk,
  path: "/campaigns/$campaign",
  component: lazyPage(() => import("./pages/campaigns/CampaignPage"), "CampaignPage"),
});

const handoffs = createRoute({
  getParentRoute: () => desk,
  path: "/handoffs",
  validateSearch: (search: Search): { agent?: string; tab?: string } => ({
    agent: text(search.agent),
    tab: text(search.tab),
  }),
  component: lazyPage(() => import("./pages/handoffs/HandoffsPage"), "HandoffsPage"),
});

const evals = createRoute({
  getParentRoute: () => desk,
  path: "/evals",
  validateSearch: (search: Search): { suite?: string } => ({ suite: text(search.suite) }),
  component: lazyPage(() => import("./pages/evals/EvalsPage"), "EvalsPage"),
});

const run = createRoute({
  getParentRoute: () => desk,
  path: "/evals/$run",
  validateSearch: (search: Search): { with?: string; row?: string; verdict?: string } => ({
    with: text(search.with),
    row: text(search.row),
    verdict: text(search.verdict),
  }),
  component: lazyPage(() => import("./pages/evals/RunPage"), "RunPage"),
});

/** A suite's name may be a path. */
const suite = createRoute({
  getParentRoute: () => desk,
  path: "/evals/suites/$",
  validateSearch: (search: Search): { tab?: string } => ({ tab: text(search.tab) }),
  component: lazyPage(() => import("./pages/evals/SuitePage"), "SuitePage"),
});

const overview = createRoute({
  getParentRoute: () => desk,
  path: "/overview",
  validateSearch: (search: Search): { days?: number } => ({
    days: count(search.days),
  }),
  component: lazyPage(() => import("./pages/overview/OverviewPage"), "OverviewPage"),
});

const settings = createRoute({
  getParentRoute: () => desk,
  path: "/settings",
  component: lazyPage(() => import("./pages/settings/SettingsPage"), "SettingsPage"),
});

const settingsStart = createRoute({
  getParentRoute: () => settings,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/settings/models", replace: true });
  },
});

const models = createRoute({
  getParentRoute: () => settings,
  path: "models",
  component: lazyPage(() => import("./pages/models/Models"), "Models"),
});

const activity = createRoute({
  getParentRoute: () => settings,
  path: "activity",
  validateSearch: activitySearch,
  component: lazyPage(() => import("./pages/settings/Activity"), "Activity"),
});

const alerts = createRoute({
  getParentRoute: () => settings,
  path: "alerts",
  component: lazyPage(() => import("./pages/settings/Alerts"), "Alerts"),
});

const preferences = createRoute({
  getParentRoute: () => settings,
  path: "preferences",
  component: lazyPage(() => import("./pages/settings/Preferences"), "Preferences"),
});

/** Where the alerts were before they became a part of the settings. */
const formerAlerts = createRoute({
  getParentRoute: () => desk,
  path: "/alerts",
  beforeLoad: () => {
    throw redirect({ to: "/settings/alerts", replace: true });
  },
});

const tree = root.addChildren([
  signIn,
  desk.addChildren([
    start,
    business,
    sandbox,
    inbox.addChildren([thread]),
    conversation,
    knowledge,
    collection,
    numbers,
    addNumber,
    number,
    campaigns,
    newCampaign,
    campaign,
    handoffs,
    evals,
    run,
    suite,
    overview,
    settings.addChildren([settingsStart, models, activity, alerts, preferences]),
    formerAlerts,
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultErrorComponent: ErrorPage,
  defaultNotFoundComponent: NotFoundPage,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
