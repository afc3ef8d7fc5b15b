// Records with the browser's microphone.
import { useCallback, useEffect, useRef, useState } from "react";

/** Formats that the server can decode, smallest first. */
const formats = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4", "audio/webm"];

/** 1:05 */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** How loud a piece of audio is, from 0 to 1, scaled for speech. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 20 * Math.log10(Math.sqrt(sum / Math.max(1, samples.length)) + 1e-9);
  return Math.max(0, Math.min(1, (decibels + 60) / 50));
}

type Tape = {
  recorder: MediaRecorder;
  stream: MediaStream;
  sound: AudioContext;
  ticking: ReturnType<typeof setInterval>;
};
/** Why recording failed. */
export type Trouble = "noMicrophone" | "notAllowed";

export function useRecording(onFile: (file: File) => void, onRecording?: (on: boolean) => void) {
  const [state, setState] = useState({ on: false, level: 0, seconds: 0 });
  const tape = useRef<Tape>(undefined);
  const wanted = useRef(true);

  const end = useCallback(() => {
    const now = tape.current;
    if (!now) return;
    tape.current = undefined;
    clearInterval(now.ticking);
    if (now.recorder.state !== "inactive") now.recorder.stop();
    for (const track of now.stream.getTracks()) track.stop();
    void now.sound.close();
    setState({ on: false, level: 0, seconds: 0 });
    onRecording?.(false);
  }, [onRecording]);

  // Unmounting while recording discards the recording.
  useEffect(
    () => () => {
      wanted.current = false;
      end();
    },
    [end],
  );

  const start = async (): Promise<Trouble | undefined> => {
    if (tape.current) return;
    if (!navigator.mediaDevices || typeof MediaRecorder === "undefined") return "noMicrophone";
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      return error instanceof DOMException && error.name === "NotAllowedError"
        ? "notAllowed"
        : "noMicrophone";
    }
    const type = formats.find((format) => MediaRecorder.isTypeSupported(format));
    const recorder = new MediaRecorder(stream, type ? { mimeType: type } : undefined);
    const pieces: Blob[] = [];
    recorder.ondataavailable = ({ data }) => void pieces.push(data);
    recorder.onstop = () => {
      if (!wanted.current || pieces.length === 0) return;
      const mime = recorder.mimeType || "audio/webm";
      const ending = mime.includes("ogg") ? "ogg" : mime.includes("mp4") ? "m4a" : "webm";
      onFile(new File(pieces, `voice.${ending}`, { type: mime }));
    };
    const sound = new AudioContext();
    const listener = sound.createAnalyser();
    listener.fftSize = 1024;
    sound.createMediaStreamSource(stream).connect(listener);
    const samples = new Float32Array(listener.fftSize);
    const began = performance.now();
    const ticking = setInterval(() => {
      listener.getFloatTimeDomainData(samples);
      setState({ on: true, level: loudness(samples), seconds: (performance.now() - began) / 1_000 });
    }, 100);
    wanted.current = true;
    recorder.start();
    tape.current = { recorder, stream, sound, ticking };
    setState({ on: true, level: 0, seconds: 0 });
    onRecording?.(true);
  };

  return {
    ...state,
    start,
    stop: end,
    discard: () => {
      wanted.current = false;
      end();
    },
  };
}
