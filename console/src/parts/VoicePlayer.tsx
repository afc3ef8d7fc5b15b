// Plays a recording: play and pause, position, speed. The file is loaded when it is first played.
import { ActionIcon, Button, Group, Slider, Text, Tooltip } from "@mantine/core";
import { IconDownload, IconPlayerPauseFilled, IconPlayerPlayFilled } from "@tabler/icons-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure, failure } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useReason } from "./States";

const speeds = [1, 1.5, 2, 0.75];
/** Step of an arrow key, in seconds. */
const STEP = 2;

/** The recording that is playing: only one plays at a time. */
let playing: HTMLAudioElement | undefined;

async function load(addresses: string[]): Promise<string> {
  let last: unknown = new Failure(0, "");
  for (const address of addresses) {
    if (address.startsWith("blob:")) return address;
    const response = await fetch(address).catch(() => undefined);
    if (response?.ok) return URL.createObjectURL(await response.blob());
    if (response) last = await failure(response);
  }
  throw last;
}

/** 1:05 */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function useRecording(addresses: string[], known: number | null | undefined) {
  const audio = useRef<HTMLAudioElement>(undefined);
  const [state, setState] = useState<"idle" | "loading" | "playing" | "paused">("idle");
  const [error, setError] = useState<unknown>();
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(known ?? 0);
  const speed = useRef(1);
  const list = addresses.join("\n");

  const open = useCallback(async () => {
    if (audio.current) return audio.current;
    const url = await load(list.split("\n"));
    const made = new Audio(url);
    made.ontimeupdate = () => setAt(made.currentTime);
    // A recording made by a browser may have no duration at first.
    made.ondurationchange = () => Number.isFinite(made.duration) && setLength(made.duration);
    made.onplay = () => setState("playing");
    made.onpause = () => setState("paused");
    made.onended = () => {
      setState("paused");
      setAt(0);
      made.currentTime = 0;
    };
    audio.current = made;
    return made;
  }, [list]);

  useEffect(
    () => () => {
      const made = audio.current;
      audio.current = undefined;
      if (!made) return;
      made.pause();
      if (made.src.startsWith("blob:") && !list.includes(made.src)) URL.revokeObjectURL(made.src);
    },
    [list],
  );

  const toggle = async () => {
    if (state === "loading") return;
    if (state === "playing") return audio.current?.pause();
    setError(undefined);
    setState("loading");
    try {
      const made = await open();
      if (playing !== made) playing?.pause();
      playing = made;
      made.playbackRate = speed.current;
      await made.play();
    } catch (why) {
      setState("idle");
      // Paused before playback began.
      if (!(why instanceof DOMException && why.name === "AbortError")) setError(why);
    }
  };
  const seek = (to: number) => {
    setAt(to);
    if (audio.current) audio.current.currentTime = to;
    else void open().then((made) => (made.currentTime = to), setError);
  };
  const run = (next: number) => {
    speed.current = next;
    if (audio.current) audio.current.playbackRate = next;
  };
  return { state, error, at, length, toggle, seek, run };
}

type Props = {
  /** The file's address; of several, the first that exists is used. */
  src: string | string[];
  /** The duration, if known. */
  seconds?: number | null;
  /** Label for screen readers. */
  label: string;
};

export function VoicePlayer({ src, seconds, label }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const reason = useReason();
  const addresses = Array.isArray(src) ? src : [src];
  const { state, error, at, length, toggle, seek, run } = useRecording(addresses, seconds);
  const [speed, setSpeed] = useState(1);
  const faster = () => {
    const next = speeds[(speeds.indexOf(speed) + 1) % speeds.length] ?? 1;
    setSpeed(next);
    run(next);
  };
  const shown = t("voice.speed", { speed: format.number(speed) });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a group of controls, not of fields.
    <div role="group" aria-label={label}>
      <Group gap="xs" wrap="nowrap" w={260} maw="100%">
        <ActionIcon
          variant="filled"
          radius="xl"
          size="lg"
          loading={state === "loading"}
          onClick={() => void toggle()}
          aria-label={state === "playing" ? t("voice.pause") : t("voice.play")}
        >
          {state === "playing" ? <IconPlayerPauseFilled size={17} /> : <IconPlayerPlayFilled size={17} />}
        </ActionIcon>
        <Slider
          flex={1}
          size="sm"
          label={null}
          min={0}
          max={Math.max(length, 0.1)}
          step={0.1}
          value={Math.min(at, Math.max(length, 0.1))}
          onChange={seek}
          onKeyDownCapture={(event) => {
            const by = { ArrowLeft: -STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowUp: STEP }[event.key];
            if (!by) return;
            event.preventDefault();
            event.stopPropagation();
            seek(Math.min(Math.max(at + by, 0), length));
          }}
          thumbLabel={t("voice.position")}
          dir="ltr"
        />
        <Text size="xs" style={{ fontVariantNumeric: "tabular-nums" }} dir="ltr">
          {clock(state === "idle" || at === 0 ? length : at)}
        </Text>
        <Tooltip label={shown}>
          <Button size="compact-xs" variant="default" onClick={faster} aria-label={shown} dir="ltr">
            {format.number(speed)}×
          </Button>
        </Tooltip>
      </Group>
      {error !== undefined && (
        <Group gap="xs" mt={4} role="alert">
          <Text size="xs">{error instanceof Failure ? reason(error) : t("voice.unplayable")}</Text>
          {!(error instanceof Failure) && addresses[0] && (
            <Button
              component="a"
              href={addresses[0]}
              download
              size="compact-xs"
              variant="default"
              leftSection={<IconDownload size={14} aria-hidden />}
            >
              {t("voice.download")}
            </Button>
          )}
        </Group>
      )}
    </div>
  );
}
