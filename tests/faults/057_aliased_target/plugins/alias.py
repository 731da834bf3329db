from subprocess import Popen as Run
