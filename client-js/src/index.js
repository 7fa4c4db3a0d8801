// Prytany's client for browsers and Node: the types, and what they promise, are in
// types/index.d.ts.
export { Answer } from "./answer.js";
export { joinWithCertificate } from "./certificate.js";
export { Client, Cluster, EndEvent, ReplicaEvent } from "./client.js";
export { Credential, credentialPublicKey, generateCode } from "./credential.js";
export {
  Aborted,
  ApplicationError,
  ClientError,
  NoQuorum,
  OutcomeUnknown,
  Refused,
  Usage,
} from "./errors.js";
export { explainCall, explainSql, explainTransaction } from "./explain.js";
export { fastCall, fastQuery } from "./fast_read.js";
export { fingerprint } from "./genesis.js";
export { idTokenNonce, joinWithIdToken } from "./id_token.js";
export { attachStatic, openStatic } from "./static_clients.js";
export { oneConnection } from "./one_connection.js";
export { subscribe, watch } from "./subscription.js";
export { problem } from "./support.js";
export { transaction } from "./transaction.js";
export { Real, real } from "./values.js";
