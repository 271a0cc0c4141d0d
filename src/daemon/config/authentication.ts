/** From the sections `local`, `remote` and `authorities` to what IKE works with: keys, certificates and whom to trust. */
import type { VerificationKey } from "../../crypto/signature.ts";
import type { Credential, LocalAuthentication, PeerTrust, RemoteAuthentication } from "../../ike/config.ts";
import { formatIdentity, NO_IDENTITY, type Identity } from "../../ike/identity.ts";
import type { Certificate } from "../../pki/certificate.ts";
import { CertificateRefused } from "../../pki/errors.ts";
import { certifies, identitiesIn } from "../../pki/identity.ts";
import type { OcspResponse } from "../../pki/ocsp-response.ts";
import { requireEndEntity } from "../../pki/path.ts";
import type { RevocationList } from "../../pki/revocation.ts";
import { InvalidText } from "../../wire/errors.ts";
import { IdentificationType } from "../../wire/iana/index.ts";
import { equalOctets } from "../../wire/octets.ts";
import type { AuthoritySection } from "./authentication-schema.ts";
import type { CredentialFiles } from "./credential-files.ts";
import type { Finding } from "./explain.ts";
import type { KeyPath } from "./problems.ts";
import type { ConnectionSection } from "./schema.ts";

/** What stands under `authorities`, taken together. */
interface Authorities {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  readonly revocationLists: readonly RevocationList[];
}

/** A section without which there is no authentication of its end. */
class Unusable extends Error {
  readonly path: KeyPath;

  constructor(path: KeyPath, text: string) {
    super(text);
    this.path = path;
  }
}

export interface AuthenticationReport {
  readonly findings: Finding[];
  readonly warnings: string[];
}

export class AuthenticationSections {
  readonly #files: CredentialFiles;
  readonly #report: AuthenticationReport;
  readonly #date: number;
  readonly #authorities: Authorities;

  /**
   * @param report gets all that is wrong, so that it can be told at once
   * @param date milliseconds since 1970
   */
  constructor(files: CredentialFiles, authorities: Readonly<Record<string, AuthoritySection>>, report: AuthenticationReport, date: number) {
    this.#files = files;
    this.#report = report;
    this.#date = date;
    const sections = Object.entries(authorities).map(([name, section]) => this.#authority(["authorities", name], section));
    this.#authorities = {
      anchors: sections.flatMap(({ anchors }) => anchors),
      intermediates: sections.flatMap(({ intermediates }) => intermediates),
      revocationLists: sections.flatMap(({ revocationLists }) => revocationLists),
    };
  }

  /** `addressIdentity`: what stands for an `id` that is not there. Undefined after a finding. */
  local(connection: string, section: ConnectionSection, addressIdentity: () => Identity): LocalAuthentication | undefined {
    return this.#noting(() => this.#local(connection, section, addressIdentity));
  }

  /** `defaultId`: what stands for an `id` that is not there. Undefined after a finding. */
  remote(connection: string, section: ConnectionSection, defaultId: Identity | "%any"): RemoteAuthentication | undefined {
    return this.#noting(() => this.#remote(connection, section, defaultId));
  }

  #local(connection: string, section: ConnectionSection, addressIdentity: () => Identity): LocalAuthentication | undefined {
    const { local, send_cert: sendCert, ocsp } = section;
    const path = ["connections", connection, "local"];
    if (local.auth === "null") {
      this.#refuseUnused(
        path,
        local,
        ["id", "certs", "private_key", "rsa_padding", "ocsp_responses", "pubkeys"],
        "auth: null shows nothing of who we are; leave this away.",
      );
      return { auth: "null", id: NO_IDENTITY };
    }
    if (local.auth === "psk") {
      this.#refuseUnused(path, local, ["certs", "private_key", "rsa_padding", "ocsp_responses", "pubkeys"]);
      return { auth: "psk", id: local.id ?? addressIdentity() };
    }
    const credential = this.#credential(path, local);
    if (credential === undefined) return undefined;
    const [certificate] = credential.certificates;
    const id = certificate === undefined ? (local.id ?? addressIdentity()) : this.#certifiedIdentity(path, certificate, local.id);
    if (ocsp !== "reply" && ocsp !== "both") {
      this.#refuseUnused(
        path,
        local,
        ["ocsp_responses"],
        `With ocsp: ${ocsp} nobody is given these; use ocsp: reply or both, or leave this away.`,
      );
    }
    const ocspResponses = this.#ocspResponses(path, local, credential.certificates);
    return { auth: "pubkey", id, credential: { ...credential, ocspResponses }, sendCert };
  }

  #remote(connection: string, section: ConnectionSection, defaultId: Identity | "%any"): RemoteAuthentication | undefined {
    const { remote, send_certreq: sendCertreq, ocsp } = section;
    const path = ["connections", connection, "remote"];
    if (remote.auth === "null") {
      this.#refuseUnused(path, remote, ["id", "cacerts", "certs", "pubkeys"], "auth: null asks for no proof of anything; leave this away.");
      return { auth: "null", id: "%any" };
    }
    if (remote.auth === "psk") {
      this.#refuseUnused(path, remote, ["cacerts", "certs", "pubkeys"]);
      return { auth: "psk", id: remote.id ?? defaultId };
    }
    const count = this.#report.findings.length;
    const trust = this.#trust(path, remote);
    const id = remote.id ?? (remote.certs === undefined ? defaultId : "%any");
    if (this.#report.findings.length > count) return undefined;
    if (trust.anchors.length + trust.certificates.length + trust.publicKeys.length === 0) {
      const text = 'There is nobody to believe; add cacerts, certs or pubkeys here, or an authority under "authorities".';
      throw new Unusable(path, text);
    }
    if (id === "%any" && trust.publicKeys.length > 0) {
      throw new Unusable([...path, "pubkeys"], "A public key says nothing of whose it is; add the id of the peer beside it.");
    }
    return { auth: "pubkey", id, trust, sendCertreq, asksForOcsp: ocsp === "request" || ocsp === "both" };
  }

  #trust(path: KeyPath, { cacerts, certs, pubkeys, revocation }: ConnectionSection["remote"]): PeerTrust {
    const { anchors, intermediates, revocationLists } = this.#authorities;
    const own = this.#each([...path, "cacerts"], cacerts, (file) => this.#authorityCertificates(file)).flat();
    const takesAll = cacerts === undefined && certs === undefined && pubkeys === undefined;
    return {
      anchors: takesAll ? anchors : own,
      intermediates,
      revocationLists,
      revocation,
      certificates: this.#each([...path, "certs"], certs, (file) => this.#files.certificates(file)).flat(),
      publicKeys: this.#each<VerificationKey>([...path, "pubkeys"], pubkeys, (file) => this.#files.publicKey(file)),
    };
  }

  #authority(path: KeyPath, { cacert, intermediates, crls }: AuthoritySection): Authorities {
    return {
      anchors: this.#attempt([...path, "cacert"], () => this.#authorityCertificates(cacert)) ?? [],
      intermediates: this.#each([...path, "intermediates"], intermediates, (file) => this.#authorityCertificates(file)).flat(),
      revocationLists: this.#each([...path, "crls"], crls, (file) => this.#files.revocationLists(file)).flat(),
    };
  }

  #authorityCertificates(file: string): Certificate[] {
    const certificates = this.#files.certificates(file);
    const stranger = certificates.find(({ extensions }) => !extensions.isAuthority);
    if (stranger !== undefined) throw new InvalidText(`${stranger.title} is not that of an authority, and can vouch for nobody.`);
    return certificates;
  }

  #credential(
    path: KeyPath,
    { certs, private_key: file, pubkeys, rsa_padding: padding }: ConnectionSection["local"],
  ): Credential | undefined {
    if (file === undefined) throw new Unusable(path, "auth: pubkey needs a private key; add private_key with the path of a PEM file.");
    if (certs === undefined && pubkeys === undefined) {
      throw new Unusable(path, "auth: pubkey needs something to show for the private key; add certs, or pubkeys with its public key.");
    }
    const count = this.#report.findings.length;
    const key = this.#attempt([...path, "private_key"], () => this.#files.privateKey(file));
    const certificates = this.#each([...path, "certs"], certs, (each) => this.#files.certificates(each)).flat();
    const publicKeys = this.#each<VerificationKey>([...path, "pubkeys"], pubkeys, (each) => this.#files.publicKey(each));
    if (key !== undefined && key.kind !== "rsa" && padding !== undefined) {
      this.#find([...path, "rsa_padding"], `The private key in ${file} is no RSA key; leave this away.`);
    }
    if (key === undefined || this.#report.findings.length > count) return undefined;
    const rsaPadding = padding ?? "pss";
    const spki = key.publicKey.spki();
    const own = certificates.find((certificate) => equalOctets(certificate.spki, spki));
    if (own === undefined && certs !== undefined) {
      throw new Unusable([...path, "certs"], `None of these certificates is that of the private key in ${file}.`);
    }
    if (publicKeys.some((each) => !equalOctets(each.spki(), spki))) {
      throw new Unusable([...path, "pubkeys"], `This is not the public key of the private key in ${file}.`);
    }
    if (own === undefined) return { key, rsaPadding, certificates: [] };
    this.#warnOfOwn(own);
    return { key, rsaPadding, certificates: [own, ...certificates.filter((certificate) => certificate !== own)] };
  }

  #ocspResponses(
    path: KeyPath,
    { ocsp_responses: files }: ConnectionSection["local"],
    certificates: readonly Certificate[],
  ): OcspResponse[] {
    return this.#each([...path, "ocsp_responses"], files, (file) => {
      const response = this.#files.ocspResponse(file);
      if (certificates.some((certificate) => response.mayConcern(certificate))) return response;
      throw new InvalidText(`The file ${file} says nothing of the certificates in certs.`);
    });
  }

  /** As it stands in the certificate, so that the peer finds it there octet by octet. */
  #certifiedIdentity(path: KeyPath, certificate: Certificate, id: Identity | undefined): Identity {
    const subject = { idType: IdentificationType.ID_DER_ASN1_DN, data: certificate.subject.der };
    if (id === undefined && !certificate.subject.isEmpty) return subject;
    if (id === undefined) throw new Unusable(path, `${certificate.title} has no subject that could stand for the id; add the id.`);
    if (certifies(certificate, id)) return id.idType === subject.idType ? subject : id;
    const text = `${certificate.title} is not one of "${formatIdentity(id)}", but of ${identitiesIn(certificate)}; use one of these.`;
    throw new Unusable([...path, "id"], text);
  }

  /** What peers will refuse need not be wrong with theirs: a clock may be. */
  #warnOfOwn(certificate: Certificate): void {
    try {
      requireEndEntity(certificate, this.#date);
    } catch (error) {
      if (!(error instanceof CertificateRefused)) throw error;
      this.#report.warnings.push(`${error.message} Peers will refuse it.`);
    }
  }

  #refuseUnused<Section extends object>(
    path: KeyPath,
    section: Section,
    keys: readonly (string & keyof Section)[],
    why = "This has no meaning without auth: pubkey.",
  ): void {
    for (const key of keys) if (section[key] !== undefined) this.#find([...path, key], why);
  }

  #each<Value>(path: KeyPath, files: readonly string[] | undefined, read: (file: string) => Value): Value[] {
    return (files ?? []).flatMap((file, index) => this.#attempt([...path, index], () => [read(file)]) ?? []);
  }

  #attempt<Value>(path: KeyPath, read: () => Value): Value | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InvalidText)) throw error;
      this.#find(path, error.message);
      return undefined;
    }
  }

  #noting<Value>(resolve: () => Value): Value | undefined {
    try {
      return resolve();
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      this.#find(error.path, error.message);
      return undefined;
    }
  }

  #find(path: KeyPath, text: string): void {
    this.#report.findings.push({ path, text });
  }
}
