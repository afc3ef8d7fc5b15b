// A dialog or drawer whose code is loaded when it is first opened. Where the code cannot be fetched, a dialog in
// its place says so, and turns into it once the server answers.
import { Modal } from "@mantine/core";
import { createElement, type FunctionComponent, Suspense, useEffect, useState } from "react";
import { type Code, codeFrom, MissingCode, useCode } from "./lazyCode";

type DialogProps = { opened: boolean; onClose: () => void };

export function lazyDialog<Props extends DialogProps>(load: () => Promise<FunctionComponent<Props>>) {
  const code = codeFrom(load);
  return (props: Props) => <LazyDialog code={code} props={props} />;
}

type LazyProps<Props> = { code: Code<Props>; props: Props };

function LazyDialog<Props extends DialogProps>({ code, props }: LazyProps<Props>) {
  // Once it was opened it stays, to give the focus back and to fade away.
  const [isWanted, setWanted] = useState(false);
  if (props.opened && !isWanted) setWanted(true);
  // While its code and texts load, the page around it stays.
  return <Suspense>{isWanted && <LoadedDialog code={code} props={props} />}</Suspense>;
}

function LoadedDialog<Props extends DialogProps>({ code, props }: LazyProps<Props>) {
  const { component, again } = useCode(code);
  // A dialog gives the focus back only if it is closed first.
  const [isReady, setReady] = useState(false);
  useEffect(() => setReady(true), []);
  const opened = props.opened && isReady;
  if (component) return createElement(component, { ...props, opened });
  return (
    <Modal opened={opened} onClose={props.onClose} withCloseButton={false}>
      {opened && <MissingCode again={again} />}
    </Modal>
  );
}
