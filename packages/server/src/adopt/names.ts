/** The products whose tables can be taken over, as the command line names them. */
export const sourceNames = "vercel-chatbot, mastra, langchain";
