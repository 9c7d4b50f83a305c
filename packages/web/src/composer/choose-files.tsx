/** The ways to a file: choosing it, and on phones the camera. */
import { Camera, Paperclip } from "lucide-react";
import { useRef } from "react";
import { t } from "../strings/index.ts";
import { IconButton } from "../ui/icon-button.tsx";

export function ChooseFiles({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const chooser = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const hidden = { type: "file", hidden: true } as const;
  const onChange = ({ currentTarget }: React.ChangeEvent<HTMLInputElement>) => {
    onFiles([...(currentTarget.files ?? [])]);
    // The same file may be chosen again.
    currentTarget.value = "";
  };
  return (
    <>
      <input ref={chooser} {...hidden} multiple aria-label={t.files.choose} onChange={onChange} />
      <IconButton label={t.files.choose} className="pointer-coarse:size-11" onClick={() => chooser.current?.click()}>
        <Paperclip size={18} />
      </IconButton>
      <input
        ref={camera}
        {...hidden}
        accept="image/*"
        capture="environment"
        aria-label={t.files.camera}
        onChange={onChange}
      />
      <IconButton
        label={t.files.camera}
        className="pointer-coarse:size-11 pointer-fine:hidden"
        onClick={() => camera.current?.click()}
      >
        <Camera size={18} />
      </IconButton>
    </>
  );
}
