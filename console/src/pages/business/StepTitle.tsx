// The title of a step. It takes the focus, because the button that led here is gone.
import { Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";

export function StepTitle({ children }: { children: ReactNode }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  return (
    <Title order={2} ref={title} tabIndex={-1} style={{ outline: "none" }}>
      {children}
    </Title>
  );
}
