// What something was done to: its name, and a link if it still exists.
import { Anchor } from "@mantine/core";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useAgentNames } from "@/parts/agentName";
import { useCollectionNames } from "@/parts/collectionName";
import { customerName } from "@/parts/customer";
import type { Subject as Which } from "./actions";

/** The newest conversations, whose customers' names are known here. */
const NAMED = 200;

type LinkTarget = Pick<LinkProps, "to" | "params" | "search">;

function SubjectName({ to, children }: { to?: LinkTarget; children: ReactNode }) {
  return (
    <bdi>
      {to ? (
        <Anchor inherit underline="always" renderRoot={(props) => <Link {...to} {...props} />}>
          {children}
        </Anchor>
      ) : (
        <strong>{children}</strong>
      )}
    </bdi>
  );
}

/** By its short name, or by its id. */
function Agent({ id }: Which) {
  const { t } = useTranslation("activity");
  const { data } = $api.useQuery("get", "/api/v1/agents");
  const named = useAgentNames();
  const found = data?.find((one) => one.slug === id || one.id === id);
  const to = found && ({ to: "/sandbox", search: { agent: found.slug } } as const);
  // Nobody knows an agent by its id.
  const unknown = data ? t("thing.agent") : "…";
  const name = id.startsWith("agt_") ? unknown : named(id);
  return <SubjectName to={to}>{found ? named(found.slug) : name}</SubjectName>;
}

function Collection({ id, name }: Which) {
  const { data } = $api.useQuery("get", "/api/v1/collections");
  const named = useCollectionNames();
  const exists = data?.some(({ slug }) => slug === id);
  const to = { to: "/knowledge/$collection", params: { collection: id } } as const;
  return <SubjectName to={exists ? to : undefined}>{name ?? named(id)}</SubjectName>;
}

function NumberName({ id }: Which) {
  const { data } = $api.useQuery("get", "/api/v1/numbers");
  const found = data?.find((one) => one.slug === id || one.id === id);
  const to = found && ({ to: "/numbers/$number", params: { number: found.id } } as const);
  return <SubjectName to={to}>{found?.slug ?? id}</SubjectName>;
}

function Conversation({ id }: Which) {
  const { t } = useTranslation("activity");
  const { data } = $api.useQuery(
    "get",
    "/api/v1/conversations",
    { params: { query: { limit: NAMED } } },
    { staleTime: 60_000 },
  );
  const unnamed = t("thing.customer");
  const found = data?.items.find((one) => one.id === id);
  const to = { to: "/inbox/$id", params: { id } } as const;
  return <SubjectName to={to}>{found ? customerName(found, unnamed) : unnamed}</SubjectName>;
}

function Run({ id, name }: Which) {
  const { t } = useTranslation("activity");
  return <SubjectName to={{ to: "/evals/$run", params: { run: id } }}>{name ?? t("thing.run")}</SubjectName>;
}

/** `wasFound`: what was done shows that it was there. */
export function Subject({ subject, wasFound }: { subject: Which; wasFound: boolean }) {
  const { kind, id } = subject;
  if (kind === "agent") return <Agent {...subject} />;
  if (kind === "collection") return <Collection {...subject} />;
  if (kind === "number") return <NumberName {...subject} />;
  if (kind === "conversation" && wasFound) return <Conversation {...subject} />;
  if (kind === "run" && wasFound) return <Run {...subject} />;
  if (kind === "suite") return <SubjectName to={{ to: "/evals", search: { suite: id } }}>{id}</SubjectName>;
  return <SubjectName>{id}</SubjectName>;
}
