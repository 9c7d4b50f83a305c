/** The sheet of keyboard shortcuts. */
import { t } from "./strings/index.ts";
import { Sheet } from "./ui/dialog.tsx";

const command = navigator.platform.startsWith("Mac") ? "⌘" : t.help.ctrl;
const shift = t.help.shift;

const keys: [name: string, keys: string[]][] = [
  [t.help.newChat, [command, shift, "O"]],
  [t.help.search, [command, "K"]],
  [t.help.write, [command, shift, "L"]],
  [t.help.list, [command, "B"]],
  [t.help.tasks, [command, shift, "Y"]],
  [t.help.send, ["Enter"]],
  [t.help.newLine, [shift, "Enter"]],
  [t.help.print, [command, "P"]],
  [t.help.open, [command, "/"]],
];

export function Help({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Sheet open={open} onOpenChange={onOpenChange} title={t.help.title}>
      <dl className="grid grid-cols-[1fr_auto] items-center gap-x-6 gap-y-3 text-sm">
        {keys.map(([name, each]) => (
          <div key={name} className="contents">
            <dt>{name}</dt>
            <dd className="flex justify-end gap-1">
              {each.map((key) => (
                <kbd key={key} className="rounded-md border border-line bg-side px-1.5 py-0.5 font-sans text-xs">
                  {key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Sheet>
  );
}
