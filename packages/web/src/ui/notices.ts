/** Notices of the system, for whoever looks elsewhere while an answer is written. As this browser was told. */
import { noticeByWorker } from "../offline/worker.ts";
import { remember, remembered } from "./remembered.ts";

/** `refused`: by the person, to the browser; `missing`: this browser has none. */
export type Notices = "on" | "off" | "refused" | "missing";

const name = "notices";

export function noticesNow(): Notices {
  if (!("Notification" in window)) return "missing";
  if (Notification.permission === "denied") return "refused";
  return remembered(name) === "on" && Notification.permission === "granted" ? "on" : "off";
}

/** Asks the person whether the page may, where that was not asked yet. */
export async function switchNotices(isOn: boolean): Promise<Notices> {
  remember(name, isOn ? "on" : "off");
  if (isOn && noticesNow() === "off") await Notification.requestPermission();
  return noticesNow();
}

interface Notice {
  title: string;
  text: string;
  /** One takes the place of the one before of the same. */
  about: string;
  onOpen: () => void;
  /** Where it leads, should the page be gone by then. */
  path: string;
}

/** Nothing while the page is in view. */
export function notice({ title, text, about, onOpen, path }: Notice): void {
  if (!document.hidden || noticesNow() !== "on") return;
  try {
    const shown = new Notification(title, { body: text, tag: about, icon: "/icon-192.png" });
    shown.onclick = () => {
      window.focus();
      shown.close();
      onOpen();
    };
  } catch {
    // On phones browsers take notices of workers alone.
    void noticeByWorker(title, { body: text, tag: about, icon: "/icon-192.png", data: path });
  }
}
