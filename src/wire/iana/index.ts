/** The numbers that IANA assigns to IKEv2, one file per group of registries: https://www.iana.org/assignments/ikev2-parameters */
export { AuthenticationMethod, CertificateEncoding, HashAlgorithm, IdentificationType } from "./authentication.ts";
export { ConfigurationAttribute, ConfigurationType } from "./configuration.ts";
export { ExchangeType } from "./exchange-types.ts";
export { NotifyType } from "./notify-types.ts";
export { PayloadType } from "./payload-types.ts";
export { IpProtocol, ProtocolId, TrafficSelectorType } from "./protocols.ts";
export { registry } from "./registry.ts";
export type { Registry } from "./registry.ts";
export {
  EncryptionAlgorithm,
  ExtendedSequenceNumbers,
  IntegrityAlgorithm,
  isAdditionalKeyExchange,
  KeyExchangeMethod,
  Prf,
  TransformAttributeType,
  TransformType,
} from "./transforms.ts";
