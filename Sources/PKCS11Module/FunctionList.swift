import Cryptoki
