"use client";
import { useChat } from "@ai-sdk/react";
import type { UIMessage } from "ai";

export function Chat({ id, messages }: { id: string; messages: UIMessage[] }) {
  const chat = useChat({
    id,
    messages,
    resume: true, // Follows a reply that is being written, after a reload and in other tabs.
  });
  // `chat.stop()` would only stop reading, as closing the page does.
  const stop = () => fetch(`/api/chat/${id}/stop`, { method: "POST" });
  const isBusy = chat.status === "submitted" || chat.status === "streaming";
  return (
    <>
      {chat.messages.map(({ id, role, parts }) => (
        <p key={id} data-role={role} style={{ whiteSpace: "pre-wrap" }}>
          <b>{role === "user" ? "You" : "Assistant"}</b>: {parts.map((part) => part.type === "text" && part.text)}
        </p>
      ))}
      {chat.error && <p role="alert">That did not work. {chat.error.message}</p>}
      <form action={(form) => void chat.sendMessage({ text: String(form.get("text")) })}>
        <input name="text" aria-label="Question" autoComplete="off" required />{" "}
        {isBusy ? (
          <button type="button" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="submit">Send</button>
        )}
      </form>
    </>
  );
}
