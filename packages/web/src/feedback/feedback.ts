/** What people think of answers, as the server has it. */
import { useQuery } from "@tanstack/react-query";
import { client } from "../client.ts";

export type Rating = "good" | "bad";

export interface Feedback {
  messageId: string;
  rating: Rating;
  tags: string[];
  comment: string | null;
}

/** Of which message. */
export interface Place {
  conversationId: string;
  messageId: string;
}

interface FeedbackPage {
  items: Feedback[];
  nextCursor: string | null;
}

const pathOf = ({ conversationId, messageId }: Place) =>
  `/conversations/${encodeURIComponent(conversationId)}/messages/${encodeURIComponent(messageId)}/feedback`;

async function list(conversationId: string): Promise<Feedback[]> {
  const all: Feedback[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query = new URLSearchParams({ conversationId, ...(cursor && { cursor }) });
    const page: FeedbackPage = await client.request<FeedbackPage>(`/feedback?${query}`);
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

export const feedback = {
  give: ({ place, ...json }: { place: Place } & Omit<Feedback, "messageId">) =>
    client.request<Feedback>(pathOf(place), { method: "PUT", json }),
  takeBack: (place: Place) => client.request<unknown>(pathOf(place), { method: "DELETE" }),
};

export const feedbackKey = (conversationId: string) => ["feedback", conversationId];

/** What was said of a message; asked for once for all of a conversation. */
export function useFeedback({ conversationId, messageId }: Place): Feedback | undefined {
  const { data } = useQuery({
    queryKey: feedbackKey(conversationId),
    queryFn: () => list(conversationId),
    staleTime: 60_000,
    select: (all) => all.find((each) => each.messageId === messageId),
  });
  return data;
}
