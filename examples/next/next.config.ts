import type { NextConfig } from "next";

const config: NextConfig = {
  // It reads files that lie beside it. Not needed where DATABASE_URL is set.
  serverExternalPackages: ["@electric-sql/pglite"],
};
export default config;
