// Explains a reply: the turn's passages and its stages, in a drawer beside the conversation.
import { Drawer, List, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Async } from "@/parts/States";
import { TraceDetail, useFigures } from "@/parts/trace/TraceView";
import { When } from "@/parts/When";
import classes from "./inbox.module.css";
import { turnQuery } from "./thread";

function Citations({ all }: { all: Schemas["Citation"][] }) {
  const { t } = useTranslation("inbox");
  return (
    <section>
      <Title order={3} mb={4}>
        {t("why.citations")}
      </Title>
      {all.length === 0 ? (
        <Text size="sm">{t("why.noCitations")}</Text>
      ) : (
        <List size="sm" type="ordered">
          {all.map(({ mark, title, source, heading, place }) => (
            <List.Item key={`${mark} ${source} ${heading}`} value={mark}>
              <bdi>{title}</bdi>{" "}
              <span className={classes.quiet}>
                {[heading, place, source].filter(Boolean).map((part) => (
                  <bdi key={part}>· {part} </bdi>
                ))}
              </span>
            </List.Item>
          ))}
        </List>
      )}
    </section>
  );
}

function Turn({ turn }: { turn: Schemas["Turn"] }) {
  const { t } = useTranslation("inbox");
  const figures = useFigures();
  const { trace } = turn;
  return (
    <Stack gap="md">
      <Text size="sm" className={classes.quiet}>
        {turn.outcome && <>{t(`why.outcome.${turn.outcome}`)} · </>}
        <When at={turn.created_at} />
        {trace && <> · {figures(trace).join(" · ")}</>}
      </Text>
      <Citations all={turn.citations} />
      {trace && <TraceDetail trace={trace} />}
    </Stack>
  );
}

function Read({ id }: { id: string }) {
  const query = useQuery(turnQuery(id));
  return <Async query={query}>{(turn) => <Turn turn={turn} />}</Async>;
}

export function Why({ turn, close }: { turn: string | undefined; close: () => void }) {
  const { t } = useTranslation("inbox");
  return (
    <Drawer opened={!!turn} onClose={close} position="right" size="lg" title={t("why.title")}>
      {turn && <Read id={turn} />}
    </Drawer>
  );
}
