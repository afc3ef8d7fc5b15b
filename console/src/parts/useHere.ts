// Whether a component is still shown. What a reader waited for must not move them off the page they went to.
import { useEffect, useRef } from "react";

/** Usage: `if (here.current) await navigate(…)` */
export function useHere() {
  const here = useRef(false);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);
  return here;
}
