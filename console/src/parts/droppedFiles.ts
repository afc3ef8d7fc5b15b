// Makes an element accept files that are dragged onto it.
import { type DragEvent, useState } from "react";

/** The element's props. `over`: a file is dragged over it. Without a taker a dropped file does nothing. */
export function useDroppedFiles(onFiles: ((files: File[]) => void) | undefined) {
  const [over, setOver] = useState(false);
  const hasFile = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  return {
    over: over && !!onFiles,
    props: {
      onDragOver: (event: DragEvent) => {
        if (!hasFile(event)) return;
        // The browser would open the file in place of the page.
        event.preventDefault();
        if (!onFiles) event.dataTransfer.dropEffect = "none";
        setOver(true);
      },
      onDragLeave: (event: DragEvent) => {
        const { currentTarget, relatedTarget } = event;
        if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) setOver(false);
      },
      onDrop: (event: DragEvent) => {
        if (!hasFile(event)) return;
        event.preventDefault();
        setOver(false);
        onFiles?.([...event.dataTransfer.files]);
      },
    },
  };
}
