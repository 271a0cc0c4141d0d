/** docs/rfc9611-coverage.md names tests as proof: they must exist. */
import { test } from "node:test";
import { CoveragePage } from "./coverage-page.ts";

const page = new CoveragePage("docs/rfc9611-coverage.md");

test("every test that the page names exists", () => {
  page.assertTestsExist(20);
});

test("every row names a test, or says in words what is not done or not needed", () => {
  page.assertEveryRowIsProved(25);
});
