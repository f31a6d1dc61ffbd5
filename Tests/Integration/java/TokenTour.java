// Uses SunPKCS11 as an application does. Everything that the token computes, Java's own providers check.
// Arguments: the provider's configuration, the file with the PIN. Prints "ok NAME" for each thing that worked.

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

public final class TokenTour {
    static final byte[] DATA = "Computed elsewhere, checked here.".getBytes();
    static Provider token;

    public static void main(String[] arguments) throws Exception {
        token = Security.getProvider("SunPKCS11").configure(arguments[0]);
        Security.addProvider(token);
        // These need no login. Java closes a session with each of them; the last one to go would end a login.
        digests();
        random();

        char[] pin = Files.readString(Path.of(arguments[1])).toCharArray();
        KeyStore.getInstance("PKCS11", token).load(null, pin);
        KeyPair rsa = pair("RSA", 2048, null);
        for (String algorithm : new String[] {"SHA256withRSA", "SHA384withRSA", "SHA512withRSA"}) {
            sign(algorithm, rsa, null);
        }
        sign("RSASSA-PSS", rsa, new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        decrypt(rsa);
        for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"}) {
            KeyPair ec = pair("EC", 0, curve);
            sign("SHA256withECDSA", ec, null);
            sign("SHA512withECDSA", ec, null);
            agree(ec, curve);
        }
        macs();
        ciphers();
    }

    static KeyPair pair(String algorithm, int size, String curve) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, token);
        if (curve == null) {
            generator.initialize(size);
        } else {
            generator.initialize(new ECGenParameterSpec(curve));
        }
        return generator.generateKeyPair();
    }

    // The same key as an object of Java's own providers.
    static PublicKey outside(PublicKey key) throws Exception {
        String provider = key.getAlgorithm().equals("EC") ? "SunEC" : "SunRsaSign";
        return KeyFactory.getInstance(key.getAlgorithm(), provider)
                .generatePublic(new X509EncodedKeySpec(key.getEncoded()));
    }

    static void digests() throws Exception {
        for (String name : new String[] {"SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"}) {
            byte[] ours = MessageDigest.getInstance(name, token).digest(DATA);
            same(name, ours, MessageDigest.getInstance(name, "SUN").digest(DATA));
        }
    }

    static void random() throws Exception {
        SecureRandom generator = SecureRandom.getInstance("PKCS11", token);
        byte[] first = new byte[40];
        byte[] second = new byte[40];
        generator.nextBytes(first);
        generator.nextBytes(second);
        check("random", !Arrays.equals(first, second));
    }

    static void sign(String algorithm, KeyPair pair, PSSParameterSpec parameters) throws Exception {
        Signature signer = Signature.getInstance(algorithm, token);
        Signature verifier = Signature.getInstance(algorithm, algorithm.endsWith("ECDSA") ? "SunEC" : "SunRsaSign");
        Signature ours = Signature.getInstance(algorithm, token);
        if (parameters != null) {
            signer.setParameter(parameters);
            verifier.setParameter(parameters);
            ours.setParameter(parameters);
        }
        signer.initSign(pair.getPrivate());
        for (byte one : DATA) {
            signer.update(one);
        }
        byte[] signature = signer.sign();
        verifier.initVerify(outside(pair.getPublic()));
        verifier.update(DATA);
        boolean outside = verifier.verify(signature);
        // Of an ECDSA signature Java drops leading zeros before the token gets it, which the standard allows.
        ours.initVerify(pair.getPublic());
        ours.update(DATA);
        check(algorithm, outside && ours.verify(signature));
    }

    static void decrypt(KeyPair rsa) throws Exception {
        Cipher outside = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
        outside.init(Cipher.ENCRYPT_MODE, outside(rsa.getPublic()));
        byte[] sealed = outside.doFinal(DATA);
        Cipher inside = Cipher.getInstance("RSA/ECB/PKCS1Padding", token);
        inside.init(Cipher.DECRYPT_MODE, rsa.getPrivate());
        same("RSA", inside.doFinal(sealed), DATA);
    }

    static void agree(KeyPair ours, String curve) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "SunEC");
        generator.initialize(new ECGenParameterSpec(curve));
        KeyPair theirs = generator.generateKeyPair();
        same("ECDH " + curve, secret(token, ours.getPrivate(), theirs.getPublic()),
                secret(Security.getProvider("SunEC"), theirs.getPrivate(), outside(ours.getPublic())));
    }

    static byte[] secret(Provider provider, PrivateKey mine, PublicKey yours) throws Exception {
        KeyAgreement agreement = KeyAgreement.getInstance("ECDH", provider);
        agreement.init(mine);
        agreement.doPhase(yours, true);
        return agreement.generateSecret();
    }

    // A key with a known value, as a session object of the token.
    static SecretKey brought(SecretKeySpec key) throws Exception {
        return SecretKeyFactory.getInstance(key.getAlgorithm(), token).translateKey(key);
    }

    static void macs() throws Exception {
        SecretKeySpec key = new SecretKeySpec(Arrays.copyOf(DATA, 64), "Generic");
        for (String name : new String[] {"HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384", "HmacSHA512"}) {
            Mac ours = Mac.getInstance(name, token);
            ours.init(key);
            Mac theirs = Mac.getInstance(name, "SunJCE");
            theirs.init(key);
            same(name, ours.doFinal(DATA), theirs.doFinal(DATA));
        }
    }

    static void ciphers() throws Exception {
        byte[] blocks = Arrays.copyOf(DATA, 32);
        for (int size : new int[] {16, 32}) {
            SecretKeySpec key = new SecretKeySpec(Arrays.copyOf(DATA, size), "AES");
            SecretKey inside = brought(key);
            byte[] iv = Arrays.copyOf(DATA, 16);
            bothWays("AES/CBC/NoPadding", key, inside, new IvParameterSpec(iv), blocks);
            bothWays("AES/CBC/PKCS5Padding", key, inside, new IvParameterSpec(iv), DATA);
            bothWays("AES/CTR/NoPadding", key, inside, new IvParameterSpec(iv), DATA);
            bothWays("AES/ECB/NoPadding", key, inside, null, blocks);
            bothWays("AES/GCM/NoPadding", key, inside, new GCMParameterSpec(128, Arrays.copyOf(iv, 12)), DATA);
        }
    }

    static void bothWays(String name, SecretKey outside, SecretKey inside,
            java.security.spec.AlgorithmParameterSpec parameters, byte[] data) throws Exception {
        byte[] sealed = apply(name, token, Cipher.ENCRYPT_MODE, inside, parameters, data);
        same(name, sealed, apply(name, Security.getProvider("SunJCE"), Cipher.ENCRYPT_MODE, outside, parameters, data));
        same(name + " back", apply(name, token, Cipher.DECRYPT_MODE, inside, parameters, sealed), data);
    }

    static byte[] apply(String name, Provider provider, int mode, SecretKey key,
            java.security.spec.AlgorithmParameterSpec parameters, byte[] data) throws Exception {
        Cipher cipher = Cipher.getInstance(name, provider);
        cipher.init(mode, key, parameters);
        if (name.contains("GCM")) {
            cipher.updateAAD("header".getBytes());
        }
        return cipher.doFinal(data);
    }

    static void same(String name, byte[] ours, byte[] theirs) {
        check(name, Arrays.equals(ours, theirs));
    }

    static void check(String name, boolean holds) {
        if (!holds) {
            throw new AssertionError(name);
        }
        System.out.println("ok " + name);
    }
}
