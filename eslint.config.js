import tseslint from "typescript-eslint";

/** Sans-IO rooms are given `now` and entropy: nothing in them may reach for a clock, randomness, I/O, a promise or the console. */
const SANS_IO = ["src/wire/**/*.ts", "src/ipsec/**/*.ts", "src/multisa/**/*.ts", "src/ike/**/*.ts", "src/pki/**/*.ts"];

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "src/kernels/assembly/**", "eslint.config.js", ".dependency-cruiser.cjs", "scripts/**/*.mjs"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    files: SANS_IO,
    rules: {
      "no-restricted-globals": [
        "error",
        ...[
          "setTimeout",
          "setInterval",
          "setImmediate",
          "queueMicrotask",
          "fetch",
          "performance",
          "process",
          "crypto",
          "console",
          "Promise",
        ].map((name) => ({
          name,
          message: "This folder is sans-IO: `now` and entropy are handed in.",
        })),
      ],
      "no-restricted-syntax": [
        "error",
        {
          selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: "Sans-IO: take `now` as an argument.",
        },
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Sans-IO: take `now` as an argument." },
        {
          selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
          message: "Sans-IO: take entropy as an argument.",
        },
        { selector: "AwaitExpression", message: "Sans-IO: no promises." },
        {
          selector: "FunctionDeclaration[async=true], FunctionExpression[async=true], ArrowFunctionExpression[async=true]",
          message: "Sans-IO: no promises.",
        },
        {
          selector: "ImportDeclaration[source.value=/^node:/]",
          message: "Sans-IO: no node modules here; cryptography comes from src/crypto.",
        },
      ],
    },
  },
  {
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
  { files: ["src/cli/**/*.ts", "src/demo/**/*.ts", "bench/**/*.ts"], rules: { "no-console": "off" } },
);
