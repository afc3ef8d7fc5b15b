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

type To = Pick<LinkProps, "to" | "params" | "search">;

function Named({ to, children }: { to?: To; children: ReactNode }) {
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

function Agent({ id }: Which) {
  const { data } = $api.useQuery("get", "/api/v1/agents");
  const named = useAgentNames();
  const exists = data?.some(({ slug }) => slug === id);
  return <Named to={exists ? { to: "/sandbox", search: { agent: id } } : undefined}>{named(id)}</Named>;
}

function Collection({ id, name }: Which) {
  const { data } = $api.useQuery("get", "/api/v1/collections");
  const named = useCollectionNames();
  const exists = data?.some(({ slug }) => slug === id);
  const to = { to: "/knowledge/$collection", params: { collection: id } } as const;
  return <Named to={exists ? to : undefined}>{name ?? named(id)}</Named>;
}

function NumberName({ id }: Which) {
  const { data } = $api.useQuery("get", "/api/v1/numbers");
  const found = data?.find((one) => one.slug === id || one.id === id);
  const to = found && ({ to: "/numbers/$number", params: { number: found.id } } as const);
  return <Named to={to}>{found?.slug ?? id}</Named>;
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
  return <Named to={to}>{found ? customerName(found, unnamed) : unnamed}</Named>;
}

function Run({ id, name }: Which) {
  const { t } = useTranslation("activity");
  return <Named to={{ to: "/evals/$run", params: { run: id } }}>{name ?? t("thing.run")}</Named>;
}

/** `wasFound`: what was done shows that it was there. */
export function Subject({ subject, wasFound }: { subject: Which; wasFound: boolean }) {
  const { kind, id } = subject;
  if (kind === "agent") return <Agent {...subject} />;
  if (kind === "collection") return <Collection {...subject} />;
  if (kind === "number") return <NumberName {...subject} />;
  if (kind === "conversation" && wasFound) return <Conversation {...subject} />;
  if (kind === "run" && wasFound) return <Run {...subject} />;
  if (kind === "suite") return <Named to={{ to: "/evals", search: { suite: id } }}>{id}</Named>;
  return <Named>{id}</Named>;
}
