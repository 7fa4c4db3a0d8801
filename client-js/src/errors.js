// How a question to the cluster can fail: the kinds and codes of the C++ client
// (docs/reference/errors.md).

import { assign } from "./platform.js";

/** An agreement in which nobody has spoken. */
export const nobody = () => ({ agreed: [], differed: [], silent: [] });

/** The base of all. `code` is stable, for programs; the message is for people. */
export class ClientError extends Error {
  constructor(code, message, more) {
    super(message);
    assign(this, { code, sent: false, agreement: nobody() }, more);
  }
}
const kindOf = (name, kind) =>
  class extends ClientError {
    name = name;
    kind = kind;
  };
export const ApplicationError = kindOf("ApplicationError", "application");
export const NoQuorum = kindOf("NoQuorum", "no_quorum");
export const OutcomeUnknown = kindOf("OutcomeUnknown", "outcome_unknown");
export const Refused = kindOf("Refused", "refused");
export const Aborted = kindOf("AbortError", "aborted");
export const gaveUp = ({ reason }, sent = false) =>
  new Aborted("aborted", "the caller gave up", { sent, cause: reason });
export const Usage = kindOf("Usage", "usage");

export function misuse(message, code = "usage") {
  throw new Usage(code, message);
}
