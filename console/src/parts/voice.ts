// Who speaks or acts, with one colour (theme.ts) and one icon on every page.
import { IconHeadset, IconHelpCircle, IconInfoCircle, IconRobot, IconUser } from "@tabler/icons-react";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";

/** `desk`: frontdesk itself, in notices. */
export type Voice = "customer" | "bot" | "person" | "desk";

const voices: Record<Schemas["Author"], Voice> = {
  customer: "customer",
  bot: "bot",
  person: "person",
  notice: "desk",
  consent: "desk",
};

const icons: Record<Voice, typeof IconUser> = {
  customer: IconUser,
  bot: IconRobot,
  person: IconHeadset,
  desk: IconInfoCircle,
};

export const voiceIcon = (voice: Voice) => known(icons, voice, IconHelpCircle);

/** The icon of an author; a question mark for one that is newer than this page. */
export const authorIcon = (author: Schemas["Author"]) =>
  author in voices ? voiceIcon(known(voices, author, "desk")) : IconHelpCircle;
