// The versions of an agent: their changes, and how to restore one as the draft or roll back to it.
import {
  ActionIcon,
  Badge,
  Button,
  Drawer,
  Group,
  NavLink,
  Select,
  SimpleGrid,
  Stack,
  Text,
} from "@mantine/core";
import { IconArrowBackUp, IconArrowLeft, IconFileImport } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useActor } from "@/parts/actor";
import { LineDiff } from "@/parts/Diff";
import { SettingChanges } from "@/parts/SettingChanges";
import { Async } from "@/parts/States";
import { When } from "@/parts/When";
import { useVersions, type Version } from "./sides";

type Props = {
  agent: string;
  /** The draft's prompt file. */
  draft: string;
  opened: boolean;
  onClose: () => void;
  onRestore: (version: Version) => void;
  onRollBack: (version: Version) => void;
};

export function HistoryDrawer(props: Props) {
  const { t } = useTranslation("sandbox");
  const { agent, opened, onClose } = props;
  return (
    <Drawer opened={opened} onClose={onClose} position="right" size={760} title={t("history.title")}>
      {opened && <Versions key={agent} {...props} />}
    </Drawer>
  );
}

function Versions({ agent, draft, onRestore, onRollBack }: Props) {
  const query = useVersions(agent);
  const [shown, setShown] = useState<Version>();
  return (
    <Async query={query}>
      {({ items }) =>
        shown ? (
          <OneVersion
            version={shown}
            versions={items}
            draft={draft}
            onBack={() => setShown(undefined)}
            onRestore={onRestore}
            onRollBack={onRollBack}
          />
        ) : (
          <List versions={items} onShow={setShown} />
        )
      }
    </Async>
  );
}

function List({ versions, onShow }: { versions: Version[]; onShow: (version: Version) => void }) {
  const { t } = useTranslation("sandbox");
  return (
    <Stack gap={0} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {versions.map((version) => (
        <li key={version.id}>
          <NavLink
            component="button"
            type="button"
            onClick={() => onShow(version)}
            label={t("agent.version", { version: version.version })}
            description={<VersionFacts version={version} />}
            rightSection={
              version.live && (
                <Badge variant="light" tt="none">
                  {t("history.live")}
                </Badge>
              )
            }
            style={{ borderRadius: "var(--mantine-radius-md)" }}
          />
        </li>
      ))}
    </Stack>
  );
}

/** When a version was published first, by whom, and what they said of it. */
function VersionFacts({ version: { created_at, author, note } }: { version: Version }) {
  const actor = useActor();
  return (
    <>
      <When at={created_at} />
      {author && (
        <>
          {" "}
          · <bdi>{actor(author)}</bdi>
        </>
      )}
      {note && (
        <Text span display="block" size="sm" c="var(--mantine-color-text)" dir="auto">
          {note}
        </Text>
      )}
    </>
  );
}

type OneProps = {
  version: Version;
  versions: Version[];
  draft: string;
  onBack: () => void;
  onRestore: (version: Version) => void;
  onRollBack: (version: Version) => void;
};

function OneVersion({ version, versions, draft, onBack, onRestore, onRollBack }: OneProps) {
  const { t, i18n } = useTranslation("sandbox");
  const { t: c } = useTranslation();
  // By default a version is compared with the one before it.
  const before = versions.find((one) => one.version < version.version);
  const [other, setOther] = useState(before ? String(before.version) : "draft");
  const against = other === "draft" ? draft : versions.find((one) => String(one.version) === other)?.source;
  return (
    <Stack>
      <Group gap="xs">
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={onBack}
          aria-label={c("action.back")}
          data-autofocus
        >
          <IconArrowLeft size={18} style={i18n.dir() === "rtl" ? { transform: "scaleX(-1)" } : undefined} />
        </ActionIcon>
        <Text fw={600}>{t("agent.version", { version: version.version })}</Text>
        {version.live && (
          <Badge variant="light" tt="none">
            {t("history.live")}
          </Badge>
        )}
        <Text size="sm" c="dimmed" component="div">
          <VersionFacts version={version} />
        </Text>
      </Group>
      <Select
        label={t("history.against")}
        value={other}
        onChange={(next) => setOther(next ?? "draft")}
        allowDeselect={false}
        data={[
          { value: "draft", label: t("side.draft") },
          ...versions
            .filter(({ id }) => id !== version.id)
            .map((one) => ({
              value: String(one.version),
              label: one.live
                ? t("side.versionLive", { version: one.version })
                : t("side.version", { version: one.version }),
            })),
        ]}
        maw={280}
      />
      <SettingChanges before={against ?? ""} after={version.source} />
      <LineDiff
        before={against ?? ""}
        after={version.source}
        mah="55dvh"
        label={t("history.of", {
          version: version.version,
          other: other === "draft" ? t("history.draft") : t("side.version", { version: other }),
        })}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Button
          variant="default"
          leftSection={<IconFileImport size={16} aria-hidden />}
          onClick={() => onRestore(version)}
          disabled={draft === version.source}
        >
          {t("history.restore")}
        </Button>
        <Button
          variant="default"
          leftSection={<IconArrowBackUp size={16} aria-hidden />}
          onClick={() => onRollBack(version)}
          disabled={version.live}
        >
          {t("history.back")}
        </Button>
      </SimpleGrid>
    </Stack>
  );
}
