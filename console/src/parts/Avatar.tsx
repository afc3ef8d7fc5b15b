// A customer's initials on a colour of their own. The name stands beside it, so screen readers skip it.
import { IconUser } from "@tabler/icons-react";
import type { CSSProperties } from "react";
import classes from "./Avatar.module.css";
import { hueOf, initialsOf } from "./initials";

/** `size` in pixels. */
export function Avatar({ id, name, size = 38 }: { id: string; name: string; size?: number }) {
  const look: CSSProperties & Record<`--${string}`, string> = {
    "--hue": String(hueOf(id)),
    "--size": `${size}px`,
  };
  return (
    <span className={classes.avatar} style={look} data-avatar aria-hidden>
      {initialsOf(name) || <IconUser size={size * 0.55} />}
    </span>
  );
}
