import Failures
import ModelFiles
